import { decodeJson, encodeJson, type JsonValue } from './json.js';

/** `/cluster/id`: the id that every broker keeps in `meta.properties` too. */
export const clusterIdZnode = {
  path: '/cluster/id',
  encode: (id: string): Buffer => encodeJson({ version: '1', id }),
  decode: (data: Buffer | null): string => decodeJson(data, '/cluster/id').string('id'),
};

/** `/brokers/seqid`: its version, after setting no data, is the next generated broker id. */
export const brokerSequenceIdZnode = { path: '/brokers/seqid' };

/** `/consumers`: kept for the consumers of before Kafka 0.9. */
export const consumersZnode = { path: '/consumers' };

/** The finalized features of the cluster (KIP-584). */
export interface FinalizedFeatures {
  /** 2 since Kafka 3.3; 1 also carries the minimum level of each feature. */
  readonly version: number;
  readonly enabled: boolean;
  readonly features: ReadonlyMap<string, number>;
}

/** `/feature`. Written by the controller; every broker watches it. */
export const featureZnode = {
  path: '/feature',
  encode: ({ version, enabled, features }: FinalizedFeatures): Buffer =>
    encodeJson({
      features: new Map(
        [...features].map(([name, level]): [string, JsonValue] => [
          name,
          version === 1 ? { max_version_level: level, min_version_level: level } : { max_version_level: level },
        ]),
      ),
      version,
      status: enabled ? 1 : 0,
    }),
  decode(data: Buffer | null): FinalizedFeatures {
    const json = decodeJson(data, '/feature');
    const features = json.object('features');
    return {
      version: json.int('version'),
      enabled: json.int('status') === 1,
      features: new Map(features.names().map((name) => [name, features.object(name).int('max_version_level')])),
    };
  },
};
