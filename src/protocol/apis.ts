/**
 * Every API with its messages, the versions that a 3.6.1 broker in ZooKeeper mode offers, and the versions of the headers in front
 * (Kafka's `ApiKeys`).
 */
import { ApiKey } from './api-key.js';
import { produceRequest, produceResponse } from './messages/produce.js';
import { fetchRequest, fetchResponse } from './messages/fetch.js';
import { listOffsetsRequest, listOffsetsResponse } from './messages/list-offsets.js';
import { metadataRequest, metadataResponse } from './messages/metadata.js';
import { leaderAndIsrRequest, leaderAndIsrResponse } from './messages/leader-and-isr.js';
import { stopReplicaRequest, stopReplicaResponse } from './messages/stop-replica.js';
import { updateMetadataRequest, updateMetadataResponse } from './messages/update-metadata.js';
import { controlledShutdownRequest, controlledShutdownResponse } from './messages/controlled-shutdown.js';
import { offsetCommitRequest, offsetCommitResponse } from './messages/offset-commit.js';
import { offsetFetchRequest, offsetFetchResponse } from './messages/offset-fetch.js';
import { findCoordinatorRequest, findCoordinatorResponse } from './messages/find-coordinator.js';
import { joinGroupRequest, joinGroupResponse } from './messages/join-group.js';
import { heartbeatRequest, heartbeatResponse } from './messages/heartbeat.js';
import { leaveGroupRequest, leaveGroupResponse } from './messages/leave-group.js';
import { syncGroupRequest, syncGroupResponse } from './messages/sync-group.js';
import { describeGroupsRequest, describeGroupsResponse } from './messages/describe-groups.js';
import { listGroupsRequest, listGroupsResponse } from './messages/list-groups.js';
import { saslHandshakeRequest, saslHandshakeResponse } from './messages/sasl-handshake.js';
import { apiVersionsRequest, apiVersionsResponse } from './messages/api-versions.js';
import { createTopicsRequest, createTopicsResponse } from './messages/create-topics.js';
import { deleteTopicsRequest, deleteTopicsResponse } from './messages/delete-topics.js';
import { deleteRecordsRequest, deleteRecordsResponse } from './messages/delete-records.js';
import { initProducerIdRequest, initProducerIdResponse } from './messages/init-producer-id.js';
import { offsetForLeaderEpochRequest, offsetForLeaderEpochResponse } from './messages/offset-for-leader-epoch.js';
import { addPartitionsToTxnRequest, addPartitionsToTxnResponse } from './messages/add-partitions-to-txn.js';
import { addOffsetsToTxnRequest, addOffsetsToTxnResponse } from './messages/add-offsets-to-txn.js';
import { endTxnRequest, endTxnResponse } from './messages/end-txn.js';
import { writeTxnMarkersRequest, writeTxnMarkersResponse } from './messages/write-txn-markers.js';
import { txnOffsetCommitRequest, txnOffsetCommitResponse } from './messages/txn-offset-commit.js';
import { describeAclsRequest, describeAclsResponse } from './messages/describe-acls.js';
import { createAclsRequest, createAclsResponse } from './messages/create-acls.js';
import { deleteAclsRequest, deleteAclsResponse } from './messages/delete-acls.js';
import { describeConfigsRequest, describeConfigsResponse } from './messages/describe-configs.js';
import { alterConfigsRequest, alterConfigsResponse } from './messages/alter-configs.js';
import { alterReplicaLogDirsRequest, alterReplicaLogDirsResponse } from './messages/alter-replica-log-dirs.js';
import { describeLogDirsRequest, describeLogDirsResponse } from './messages/describe-log-dirs.js';
import { saslAuthenticateRequest, saslAuthenticateResponse } from './messages/sasl-authenticate.js';
import { createPartitionsRequest, createPartitionsResponse } from './messages/create-partitions.js';
import { createDelegationTokenRequest, createDelegationTokenResponse } from './messages/create-delegation-token.js';
import { renewDelegationTokenRequest, renewDelegationTokenResponse } from './messages/renew-delegation-token.js';
import { expireDelegationTokenRequest, expireDelegationTokenResponse } from './messages/expire-delegation-token.js';
import {
  describeDelegationTokenRequest,
  describeDelegationTokenResponse,
} from './messages/describe-delegation-token.js';
import { deleteGroupsRequest, deleteGroupsResponse } from './messages/delete-groups.js';
import { electLeadersRequest, electLeadersResponse } from './messages/elect-leaders.js';
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from './messages/incremental-alter-configs.js';
import {
  alterPartitionReassignmentsRequest,
  alterPartitionReassignmentsResponse,
} from './messages/alter-partition-reassignments.js';
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from './messages/list-partition-reassignments.js';
import { offsetDeleteRequest, offsetDeleteResponse } from './messages/offset-delete.js';
import { describeClientQuotasRequest, describeClientQuotasResponse } from './messages/describe-client-quotas.js';
import { alterClientQuotasRequest, alterClientQuotasResponse } from './messages/alter-client-quotas.js';
import {
  describeUserScramCredentialsRequest,
  describeUserScramCredentialsResponse,
} from './messages/describe-user-scram-credentials.js';
import {
  alterUserScramCredentialsRequest,
  alterUserScramCredentialsResponse,
} from './messages/alter-user-scram-credentials.js';
import { alterPartitionRequest, alterPartitionResponse } from './messages/alter-partition.js';
import { updateFeaturesRequest, updateFeaturesResponse } from './messages/update-features.js';
import { envelopeRequest, envelopeResponse } from './messages/envelope.js';
import { describeClusterRequest, describeClusterResponse } from './messages/describe-cluster.js';
import { describeProducersRequest, describeProducersResponse } from './messages/describe-producers.js';
import { describeTransactionsRequest, describeTransactionsResponse } from './messages/describe-transactions.js';
import { listTransactionsRequest, listTransactionsResponse } from './messages/list-transactions.js';
import { allocateProducerIdsRequest, allocateProducerIdsResponse } from './messages/allocate-producer-ids.js';
import { consumerGroupHeartbeatRequest, consumerGroupHeartbeatResponse } from './messages/consumer-group-heartbeat.js';
import type { MessageType } from './notation.js';

/** A message whose fields are not known here; a handler knows which it is. */
export type AnyMessage = MessageType<object, object>;

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
  /** A KRaft broker would forward it to the controller in an Envelope. */
  readonly forwardable: boolean;
  requestHeaderVersion(version: number): number;
  responseHeaderVersion(version: number): number;
}

export type ApiName = keyof typeof ApiKey;

interface ApiOptions {
  readonly clusterAction?: boolean;
  readonly forwardable?: boolean;
  /** False for an API of which no version is stable. */
  readonly offered?: boolean;
}

function api(name: ApiName, request: AnyMessage, response: AnyMessage, options: ApiOptions = {}): ApiDescription {
  const { min, max } = request.validVersions;
  return {
    key: ApiKey[name],
    name,
    request,
    response,
    minVersion: min,
    maxVersion: max,
    advertised: options.offered === false ? null : { min, max: request.latestVersionUnstable ? max - 1 : max },
    clusterAction: options.clusterAction ?? false,
    forwardable: options.forwardable ?? false,
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

/** In the order of their keys. */
export const APIS: readonly ApiDescription[] = [
  api('Produce', produceRequest, produceResponse),
  api('Fetch', fetchRequest, fetchResponse),
  api('ListOffsets', listOffsetsRequest, listOffsetsResponse),
  api('Metadata', metadataRequest, metadataResponse),
  api('LeaderAndIsr', leaderAndIsrRequest, leaderAndIsrResponse, { clusterAction: true }),
  api('StopReplica', stopReplicaRequest, stopReplicaResponse, { clusterAction: true }),
  api('UpdateMetadata', updateMetadataRequest, updateMetadataResponse, { clusterAction: true }),
  api('ControlledShutdown', controlledShutdownRequest, controlledShutdownResponse, { clusterAction: true }),
  api('OffsetCommit', offsetCommitRequest, offsetCommitResponse),
  api('OffsetFetch', offsetFetchRequest, offsetFetchResponse),
  api('FindCoordinator', findCoordinatorRequest, findCoordinatorResponse),
  api('JoinGroup', joinGroupRequest, joinGroupResponse),
  api('Heartbeat', heartbeatRequest, heartbeatResponse),
  api('LeaveGroup', leaveGroupRequest, leaveGroupResponse),
  api('SyncGroup', syncGroupRequest, syncGroupResponse),
  api('DescribeGroups', describeGroupsRequest, describeGroupsResponse),
  api('ListGroups', listGroupsRequest, listGroupsResponse),
  api('SaslHandshake', saslHandshakeRequest, saslHandshakeResponse),
  api('ApiVersions', apiVersionsRequest, apiVersionsResponse),
  api('CreateTopics', createTopicsRequest, createTopicsResponse, { forwardable: true }),
  api('DeleteTopics', deleteTopicsRequest, deleteTopicsResponse, { forwardable: true }),
  api('DeleteRecords', deleteRecordsRequest, deleteRecordsResponse),
  api('InitProducerId', initProducerIdRequest, initProducerIdResponse),
  api('OffsetForLeaderEpoch', offsetForLeaderEpochRequest, offsetForLeaderEpochResponse),
  api('AddPartitionsToTxn', addPartitionsToTxnRequest, addPartitionsToTxnResponse),
  api('AddOffsetsToTxn', addOffsetsToTxnRequest, addOffsetsToTxnResponse),
  api('EndTxn', endTxnRequest, endTxnResponse),
  api('WriteTxnMarkers', writeTxnMarkersRequest, writeTxnMarkersResponse, { clusterAction: true }),
  api('TxnOffsetCommit', txnOffsetCommitRequest, txnOffsetCommitResponse),
  api('DescribeAcls', describeAclsRequest, describeAclsResponse),
  api('CreateAcls', createAclsRequest, createAclsResponse, { forwardable: true }),
  api('DeleteAcls', deleteAclsRequest, deleteAclsResponse, { forwardable: true }),
  api('DescribeConfigs', describeConfigsRequest, describeConfigsResponse),
  api('AlterConfigs', alterConfigsRequest, alterConfigsResponse, { forwardable: true }),
  api('AlterReplicaLogDirs', alterReplicaLogDirsRequest, alterReplicaLogDirsResponse),
  api('DescribeLogDirs', describeLogDirsRequest, describeLogDirsResponse),
  api('SaslAuthenticate', saslAuthenticateRequest, saslAuthenticateResponse),
  api('CreatePartitions', createPartitionsRequest, createPartitionsResponse, { forwardable: true }),
  api('CreateDelegationToken', createDelegationTokenRequest, createDelegationTokenResponse, { forwardable: true }),
  api('RenewDelegationToken', renewDelegationTokenRequest, renewDelegationTokenResponse, { forwardable: true }),
  api('ExpireDelegationToken', expireDelegationTokenRequest, expireDelegationTokenResponse, { forwardable: true }),
  api('DescribeDelegationToken', describeDelegationTokenRequest, describeDelegationTokenResponse),
  api('DeleteGroups', deleteGroupsRequest, deleteGroupsResponse),
  api('ElectLeaders', electLeadersRequest, electLeadersResponse, { forwardable: true }),
  api('IncrementalAlterConfigs', incrementalAlterConfigsRequest, incrementalAlterConfigsResponse, {
    forwardable: true,
  }),
  api('AlterPartitionReassignments', alterPartitionReassignmentsRequest, alterPartitionReassignmentsResponse, {
    forwardable: true,
  }),
  api('ListPartitionReassignments', listPartitionReassignmentsRequest, listPartitionReassignmentsResponse, {
    forwardable: true,
  }),
  api('OffsetDelete', offsetDeleteRequest, offsetDeleteResponse),
  api('DescribeClientQuotas', describeClientQuotasRequest, describeClientQuotasResponse),
  api('AlterClientQuotas', alterClientQuotasRequest, alterClientQuotasResponse, { forwardable: true }),
  api('DescribeUserScramCredentials', describeUserScramCredentialsRequest, describeUserScramCredentialsResponse),
  api('AlterUserScramCredentials', alterUserScramCredentialsRequest, alterUserScramCredentialsResponse, {
    forwardable: true,
  }),
  api('AlterPartition', alterPartitionRequest, alterPartitionResponse, { clusterAction: true }),
  api('UpdateFeatures', updateFeaturesRequest, updateFeaturesResponse, { clusterAction: true, forwardable: true }),
  api('Envelope', envelopeRequest, envelopeResponse, { clusterAction: true }),
  api('DescribeCluster', describeClusterRequest, describeClusterResponse),
  api('DescribeProducers', describeProducersRequest, describeProducersResponse),
  api('DescribeTransactions', describeTransactionsRequest, describeTransactionsResponse),
  api('ListTransactions', listTransactionsRequest, listTransactionsResponse),
  api('AllocateProducerIds', allocateProducerIdsRequest, allocateProducerIdsResponse, {
    clusterAction: true,
    forwardable: true,
  }),
  api('ConsumerGroupHeartbeat', consumerGroupHeartbeatRequest, consumerGroupHeartbeatResponse, { offered: false }),
];

const BY_KEY: (ApiDescription | undefined)[] = [];
for (const description of APIS) BY_KEY[description.key] = description;

/** The API of a key, as it stands in a request header; undefined for one that is unknown in ZooKeeper mode. */
export function apiOf(key: number): ApiDescription | undefined {
  return BY_KEY[key];
}
