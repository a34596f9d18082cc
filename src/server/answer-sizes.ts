/** About what answers take that may be much larger than what asks for them: those wait for their turn before anything is made of them. */
import {
  describeConfigsRequest,
  describeGroupsRequest,
  listGroupsRequest,
  metadataRequest,
  offsetFetchRequest,
  type MessageType,
} from '../protocol/index.js';
import { ResourceType } from './admin/config-admin.js';
import { UNKNOWN_ANSWER_BYTES } from './answer-turns.js';
import { MAX_ELEMENTS_AT_ONCE, type RequestContext } from './request-context.js';

/** An object, and what is written of it. */
const BYTES_PER_PARTITION = 200;
const BYTES_PER_CONFIG = 500;
const CONFIGS_OF_TOPIC = 30;
const CONFIGS_OF_BROKER = 250;
/** Its members. */
const BYTES_PER_DESCRIBED_GROUP = 4096;
/** Lists of what it has offsets of. */
const BYTES_PER_GROUP_OF_OFFSETS = 16 * 1024;

type SizeOf<Req> = (request: Req, context: Pick<RequestContext, 'apiVersion' | 'metadata'>) => number;

const sizes = new Map<number, SizeOf<never>>();

function sized<Req, ReqI>({ apiKey }: MessageType<Req, ReqI>, sizeOf: SizeOf<Req>): void {
  sizes.set(apiKey!, sizeOf);
}

/** Undefined for answers that are about as large as their requests, or come from lists that are known. */
export function answerSizeOf<Req, ReqI>({ apiKey }: MessageType<Req, ReqI>): SizeOf<Req> | undefined {
  return sizes.get(apiKey!) as SizeOf<Req> | undefined;
}

sized(metadataRequest, ({ topics }, { apiVersion, metadata }) => {
  let partitions = metadata.numPartitionsInCluster;
  const isAll = topics === null || topics.length > MAX_ELEMENTS_AT_ONCE || (apiVersion === 0 && topics.length === 0);
  if (!isAll) {
    let named = 0;
    for (const { name, topicId } of topics)
      named += metadata.numPartitions(name ?? metadata.topicName(topicId) ?? '') ?? 0;
    partitions = Math.min(partitions, named);
  }
  return partitions * BYTES_PER_PARTITION;
});

sized(describeConfigsRequest, ({ resources }) => {
  let configs = 0;
  for (const { resourceType, configurationKeys } of resources)
    configs +=
      configurationKeys?.length || (resourceType === ResourceType.TOPIC ? CONFIGS_OF_TOPIC : CONFIGS_OF_BROKER);
  return configs * BYTES_PER_CONFIG;
});

sized(describeGroupsRequest, ({ groups }) => groups.length * BYTES_PER_DESCRIBED_GROUP);
sized(listGroupsRequest, () => UNKNOWN_ANSWER_BYTES);
sized(offsetFetchRequest, ({ groups }) => groups.length * BYTES_PER_GROUP_OF_OFFSETS);
