import { AssertionError } from '../common/index.js';
import { ApiKey } from './api-key.js';
import { MESSAGES } from './message-register.js';
import type { AnyMessage } from './notation.js';

export type ApiName = keyof typeof ApiKey;

/** What a client asks a broker, and the answer (Kafka's `ApiKeys`). */
export interface ApiDescription {
  readonly key: ApiKey;
  readonly name: ApiName;
  readonly request: AnyMessage;
  readonly response: AnyMessage;
  /** The lowest and the highest version that is defined. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** What a broker offers: without the unstable versions. Null when it does not offer the API at all. */
  readonly advertised: { readonly min: number; readonly max: number } | null;
  /** Needs ClusterAction on the cluster: the APIs between brokers. */
  readonly clusterAction: boolean;
  requestHeaderVersion(version: number): number;
  responseHeaderVersion(version: number): number;
}

function describeApi(name: ApiName): ApiDescription {
  const request = messageOf(`${name}Request`);
  const response = messageOf(`${name}Response`);
  const { min, max } = request.validVersions;
  const stable = request.latestVersionUnstable ? max - 1 : max;
  return {
    key: ApiKey[name],
    name,
    request,
    response,
    minVersion: min,
    maxVersion: max,
    advertised: stable < min ? null : { min, max: stable },
    clusterAction: request.clusterAction,
    requestHeaderVersion(version) {
      // ControlledShutdown 0 is older than client ids.
      if (name === 'ControlledShutdown' && version === 0) return 0;
      return request.isFlexible(version) ? 2 : 1;
    },
    responseHeaderVersion(version) {
      // A client that asks for versions must be able to read the answer of a broker that does not know its own.
      if (name === 'ApiVersions') return 0;
      return response.isFlexible(version) ? 1 : 0;
    },
  };
}

function messageOf(name: string): AnyMessage {
  const found = MESSAGES.get(name);
  if (!found) throw new AssertionError(`no message is described as ${name}`);
  return found;
}

/** Those of a 3.6.1 broker in ZooKeeper mode, in the order of their keys. */
export const APIS: readonly ApiDescription[] = (Object.keys(ApiKey) as ApiName[]).map(describeApi);

const BY_KEY: (ApiDescription | undefined)[] = [];
for (const description of APIS) BY_KEY[description.key] = description;

/** The API of a key, as it stands in a request header; undefined for one that is unknown in ZooKeeper mode. */
export function apiOf(key: number): ApiDescription | undefined {
  return BY_KEY[key];
}
