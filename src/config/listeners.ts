import { splitAtCommas, trim } from './java-text.js';
import { ConfigError } from './value.js';

/**
 * The listeners of a broker: `listeners` and `advertised.listeners` taken apart with the help of `listener.security.protocol.map`
 * (Kafka's `EndPoint` and `CoreUtils.listenerListToEndPoints`).
 */
export const SECURITY_PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
export type ListenerSecurityProtocol = (typeof SECURITY_PROTOCOLS)[number];

export interface ListenerEndPoint {
  /** Null when none is given: every interface to listen on, this machine's own name to advertise. */
  readonly host: string | null;
  /** 0 asks for any free port. */
  readonly port: number;
  /** Upper case. */
  readonly listenerName: string;
  readonly securityProtocol: ListenerSecurityProtocol;
}

export type SecurityProtocolMap = ReadonlyMap<string, ListenerSecurityProtocol>;

/** Splits at commas, drops what is empty (`CoreUtils.parseCsvList`). */
export function parseCsvList(text: string | null): string[] {
  return splitAtCommas(text ?? '').filter((item) => trim(item) !== '');
}

/** `key:value,key:value`, where a key may itself contain colons. Throws `ConfigError` naming the configuration. */
export function parseCsvMap(name: string, text: string): Map<string, string> {
  const map = new Map<string, string>();
  for (const item of parseCsvList(text)) {
    const colon = item.lastIndexOf(':');
    if (colon < 0) {
      const sentence = `Error parsing configuration property '${name}': `;
      throw new ConfigError(
        `${sentence}'${item}' in '${text}' is not of the form key:value`,
        // Java's words for what Kafka does not check.
        `${sentence}begin 0, end -1, length ${item.length}`,
      );
    }
    map.set(trim(item.slice(0, colon)), trim(item.slice(colon + 1)));
  }
  return map;
}

export function parseSecurityProtocol(text: string, configName: string): ListenerSecurityProtocol {
  const upper = text.toUpperCase();
  const protocol = SECURITY_PROTOCOLS.find((candidate) => candidate === upper);
  if (protocol === undefined) {
    const sentence = `Invalid security protocol \`${text}\` defined in ${configName}`;
    throw new ConfigError(`${sentence}, it must be one of ${SECURITY_PROTOCOLS.join(', ')}`, sentence);
  }
  return protocol;
}

export function parseSecurityProtocolMap(text: string): SecurityProtocolMap {
  const name = 'listener.security.protocol.map';
  return new Map(
    [...parseCsvMap(name, text)].map(([listener, protocol]) => [
      listener.toUpperCase(),
      parseSecurityProtocol(protocol, name),
    ]),
  );
}

const END_POINT_PATTERN = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$/;

/** Takes a list of listeners apart and checks names and ports for duplicates. Throws `ConfigError`. */
export function parseListeners(
  text: string,
  protocols: SecurityProtocolMap,
  options: { distinctPorts: boolean } = { distinctPorts: true },
): ListenerEndPoint[] {
  const endPoints = parseCsvList(text).map((item) => parseEndPoint(item, protocols, text));
  if (new Set(endPoints.map((endPoint) => endPoint.listenerName)).size !== endPoints.length) {
    throw new ConfigError(`Each listener must have a different name, listeners: ${text}`);
  }
  if (options.distinctPorts) checkPorts(endPoints, text);
  return endPoints;
}

function parseEndPoint(item: string, protocols: SecurityProtocolMap, listeners: string): ListenerEndPoint {
  const refuse = (reason: string, hint = ''): never => {
    const sentence = `Error creating broker listeners from '${listeners}': ${reason}`;
    throw new ConfigError(sentence + hint, sentence);
  };
  const match = END_POINT_PATTERN.exec(item);
  if (!match) return refuse(`Unable to parse ${item} to a broker endpoint`, ', it must be NAME://HOST:PORT');
  const listenerName = match[1]!.toUpperCase();
  const port = Number(match[3]);
  const securityProtocol = protocols.get(listenerName);
  if (securityProtocol === undefined) return refuse(`No security protocol defined for listener ${listenerName}`);
  if (port < 0 || port > 65_535) return refuse(`the port of ${item} must be between 0 and 65535`);
  return { host: match[2] === '' ? null : match[2]!, port, listenerName, securityProtocol };
}

/** Two listeners may share a port only if one has an IPv4 address and the other an IPv6 address. Port 0 is never shared. */
function checkPorts(endPoints: readonly ListenerEndPoint[], listeners: string): void {
  const byPort = new Map<number, ListenerEndPoint[]>();
  for (const endPoint of endPoints) {
    if (endPoint.port !== 0) byPort.set(endPoint.port, [...(byPort.get(endPoint.port) ?? []), endPoint]);
  }
  for (const [port, sharing] of byPort) {
    if (sharing.length === 1) continue;
    const families = sharing.map(({ host }) => addressFamily(host));
    if (families.every((family) => family === null)) {
      throw new ConfigError(`Each listener must have a different port, listeners: ${listeners}`);
    }
    if (sharing.length > 2) {
      throw new ConfigError(
        'Each listener must have a different port unless exactly one listener has ' +
          `an IPv4 address and the other IPv6 address, listeners: ${listeners}, port: ${port}`,
      );
    }
    if (!(families.includes(4) && families.includes(6))) {
      throw new ConfigError(
        'If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, ' +
          `listeners: ${listeners}, port: ${port}`,
      );
    }
  }
}

function addressFamily(host: string | null): 4 | 6 | null {
  if (host === null) return null;
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(host) && host.split('.').every((part) => Number(part) <= 255)) return 4;
  return host.includes(':') ? 6 : null;
}
