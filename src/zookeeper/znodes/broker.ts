import type { BrokerEndPoint, BrokerInfo, SecurityProtocol } from '../../cluster/index.js';
import { ZnodeFormatError } from '../core/errors.js';
import { immutableMapOrder, mutableMapOrder } from '../../common/index.js';
import { decodeJson, encodeJson, isInt32, type JsonObject, type JsonValue } from './json.js';

/** What a broker writes about itself besides its end points and rack. */
export interface BrokerRegistration {
  readonly broker: Omit<BrokerInfo, 'epoch'>;
  /** -1 when there is none. */
  readonly jmxPort: number;
  readonly timestampMs: number;
  /** 5 since Kafka 2.7; 1 to 4 are read, and 2 and 4 written for an old `inter.broker.protocol.version`. */
  readonly version: number;
  /** Supported feature levels, by name (KIP-584). */
  readonly features: ReadonlyMap<string, { readonly minVersion: number; readonly maxVersion: number }>;
}

const SECURITY_PROTOCOLS: ReadonlySet<string> = new Set(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']);
const END_POINT_PATTERN = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)/;

export const brokerIdsZnode = { path: '/brokers/ids' };

/** `/brokers/ids/N`, ephemeral: the broker is alive. Its czxid is the broker epoch (KIP-380). */
export const brokerIdZnode = {
  path: (id: number): string => `/brokers/ids/${id}`,

  encode({ broker, jmxPort, timestampMs, version, features }: BrokerRegistration): Buffer {
    // Clients of before 0.9 know only one plaintext end point; a broker without one cannot be reached by them.
    const plaintext = broker.endPoints.find((endPoint) => endPoint.securityProtocol === 'PLAINTEXT');
    const members: Record<string, JsonValue> = {
      version,
      host: plaintext?.host ?? null,
      port: plaintext?.port ?? -1,
      endpoints: broker.endPoints.map(connectionString),
      jmx_port: jmxPort,
      timestamp: String(timestampMs),
    };
    if (broker.rack !== null && version >= 3) members['rack'] = broker.rack;
    if (version >= 4) {
      const protocols = new Map(broker.endPoints.map((it) => [it.listenerName, it.securityProtocol]));
      members['listener_security_protocol_map'] = new Map(
        immutableMapOrder([...protocols.keys()]).map((name) => [name, protocols.get(name)!]),
      );
    }
    if (version >= 5) {
      members['features'] = new Map(
        [...features].map(([name, range]) => [name, { min_version: range.minVersion, max_version: range.maxVersion }]),
      );
    }
    return encodeJson(new Map(mutableMapOrder(Object.keys(members), 6).map((name) => [name, members[name]!])));
  },

  /** Reads every version that Kafka ever wrote. `czxid` of the node becomes the broker's epoch. */
  decode(id: number, data: Buffer | null, czxid: bigint): BrokerRegistration & { readonly broker: BrokerInfo } {
    const json = decodeJson(data, brokerIdZnode.path(id));
    const version = json.int('version');
    if (version < 1) throw new ZnodeFormatError(`${brokerIdZnode.path(id)} has version ${version}, need 1 or more`);
    return {
      broker: {
        id,
        endPoints: version === 1 ? [plaintextEndPoint(json)] : endPointsOf(json),
        rack: json.optionalString('rack'),
        epoch: czxid,
      },
      jmxPort: json.optionalInt('jmx_port') ?? -1,
      timestampMs: Number(json.optionalString('timestamp') ?? '-1'),
      version,
      features: featuresOf(json),
    };
  },
};

function connectionString({ listenerName, host, port }: BrokerEndPoint): string {
  return `${listenerName}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function plaintextEndPoint(json: JsonObject): BrokerEndPoint {
  return {
    host: json.string('host'),
    port: json.int('port'),
    listenerName: 'PLAINTEXT',
    securityProtocol: 'PLAINTEXT',
  };
}

function endPointsOf(json: JsonObject): BrokerEndPoint[] {
  const protocols = json.optionalObject('listener_security_protocol_map');
  const protocolOf = new Map(protocols?.names().map((name) => [name.toUpperCase(), protocols.string(name)]));
  return json.strings('endpoints').map((text) => {
    const match = END_POINT_PATTERN.exec(text);
    if (!match) throw new ZnodeFormatError(`end point ${JSON.stringify(text)}, need LISTENER://HOST:PORT`);
    const listenerName = match[1]!.toUpperCase();
    // Before version 4 a listener was named for its protocol.
    const protocol = protocols ? protocolOf.get(listenerName) : listenerName;
    if (protocol === undefined || !SECURITY_PROTOCOLS.has(protocol)) {
      throw new ZnodeFormatError(
        `listener ${listenerName} has protocol ${protocol}, need one of ${[...SECURITY_PROTOCOLS].join()}`,
      );
    }
    const port = Number(match[3]);
    if (!isInt32(port)) throw new ZnodeFormatError(`end point ${JSON.stringify(text)} has no port that can be told`);
    return { host: match[2]!, port, listenerName, securityProtocol: protocol as SecurityProtocol };
  });
}

function featuresOf(json: JsonObject): BrokerRegistration['features'] {
  const features = json.optionalObject('features');
  if (!features) return new Map();
  return new Map(
    features.names().map((name) => {
      const range = features.object(name);
      return [name, { minVersion: range.int('min_version'), maxVersion: range.int('max_version') }];
    }),
  );
}
