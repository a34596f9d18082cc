/** About what answers take that may be much larger than what asks for them: those wait for their turn before anything is made of them. */
import {
  describeConfigsRequest,
  describeGroupsRequest,
  electLeadersRequest,
  listGroupsRequest,
  metadataRequest,
  offsetFetchRequest,
  type MessageType,
} from '../protocol/index.js';
import { ResourceType } from './admin/config-admin.js';
import { VAST_ANSWER_BYTES } from './answer-turns.js';
import { MAX_ELEMENTS_AT_ONCE, type RequestContext } from './request-context.js';

/** An object, and what is written of it. */
const BYTES_PER_PARTITION = 200;
const BYTES_PER_CONFIG = 500;
const CONFIGS_OF_TOPIC = 30;
const CONFIGS_OF_BROKER = 250;
const FIRST_VERSION_OF_OFFSETS_OF_GROUPS = 8;
const BYTES_PER_GROUP = 200;
/** Without what it has sent, which is counted as it is written. */
const BYTES_PER_MEMBER = 500;
/** It may be the only one of its topic. */
const BYTES_PER_OFFSET = 300;

type SizeOf<Req> = (request: Req, context: Pick<RequestContext, 'apiVersion' | 'metadata' | 'groups'>) => number;

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

sized(describeGroupsRequest, ({ groups: named }, { groups }) => {
  if (named.length > MAX_ELEMENTS_AT_ONCE) return VAST_ANSWER_BYTES;
  let bytes = 0;
  for (const groupId of named) bytes += BYTES_PER_GROUP + groups.numMembers(groupId) * BYTES_PER_MEMBER;
  return bytes;
});

sized(listGroupsRequest, (_request, { groups }) => groups.numGroups * BYTES_PER_GROUP);

/** Offsets that are named are about as many as what names them. */
sized(offsetFetchRequest, ({ groupId, topics, groups: named }, { apiVersion, groups }) => {
  const asked = apiVersion < FIRST_VERSION_OF_OFFSETS_OF_GROUPS ? [{ groupId, topics }] : named;
  if (asked.length > MAX_ELEMENTS_AT_ONCE) return VAST_ANSWER_BYTES;
  let bytes = 0;
  for (const group of asked)
    bytes += BYTES_PER_GROUP + (group.topics === null ? groups.numOffsets(group.groupId) * BYTES_PER_OFFSET : 0);
  return bytes;
});

/** Of all partitions, which are asked for by null. */
sized(electLeadersRequest, ({ topicPartitions }, { metadata }) =>
  topicPartitions === null ? metadata.numPartitionsInCluster * BYTES_PER_PARTITION : 0,
);
