import { ZnodeFormatError } from '../core/errors.js';
import { decodeJson, encodeJson } from './json.js';

/** Who holds `/controller`. */
export interface ControllerRegistration {
  readonly brokerId: number;
  readonly timestampMs: number;
  /** -1, or the epoch of a KRaft controller that took over in a migration; null as written before Kafka 3.4. */
  readonly kraftControllerEpoch: number | null;
}

/** `/controller`, ephemeral. Made in one `multi` with the raise of `/controller_epoch`. */
export const controllerZnode = {
  path: '/controller',
  encode: (brokerId: number, timestampMs: number): Buffer =>
    encodeJson({ version: 2, brokerid: brokerId, timestamp: String(timestampMs), kraftControllerEpoch: -1 }),
  decode(data: Buffer | null): ControllerRegistration {
    const json = decodeJson(data, '/controller');
    return {
      brokerId: json.int('brokerid'),
      timestampMs: Number(json.optionalString('timestamp') ?? '-1'),
      kraftControllerEpoch: json.optionalInt('kraftControllerEpoch'),
    };
  },
};

/** `/controller_epoch`: a plain number. Every write of the controller is conditional on this node's version. */
export const controllerEpochZnode = {
  path: '/controller_epoch',
  encode: (epoch: number): Buffer => Buffer.from(String(epoch)),
  decode(data: Buffer | null): number {
    const text = data?.toString('utf8') ?? '';
    // An election raises it, and what it is raised to has to be told.
    if (!/^\d+$/.test(text) || Number(text) >= 0x7fffffff)
      throw new ZnodeFormatError(`/controller_epoch holds ${JSON.stringify(text)}, need a number`);
    return Number(text);
  },
};

/** A block of producer ids handed to a broker, both ends included. */
export interface ProducerIdBlock {
  readonly brokerId: number;
  readonly firstProducerId: number;
  readonly lastProducerId: number;
}

/** `/latest_producer_id_block`: the last block that was handed out. Empty until the first. */
export const producerIdBlockZnode = {
  path: '/latest_producer_id_block',
  encode: ({ brokerId, firstProducerId, lastProducerId }: ProducerIdBlock): Buffer =>
    encodeJson({
      version: 1,
      broker: brokerId,
      block_start: String(firstProducerId),
      block_end: String(lastProducerId),
    }),
  decode(data: Buffer): ProducerIdBlock {
    const json = decodeJson(data, '/latest_producer_id_block');
    return {
      brokerId: json.int('broker'),
      firstProducerId: Number(json.longString('block_start')),
      lastProducerId: Number(json.longString('block_end')),
    };
  },
};
