import { ApiKey, APIS } from '../../../src/protocol/index.js';
import { API_HANDLERS, offeredApis } from '../../../src/server/index.js';

describe('the table of served APIs', () => {
  test('has one handler an API, in the order of the keys', () => {
    const keys = API_HANDLERS.map(({ api }) => api.key);
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
  });

  test('is what ApiVersions lists, each in the versions of a Kafka 3.6.1 broker', () => {
    const listed = offeredApis(API_HANDLERS);
    expect(listed.map(({ apiKey }) => apiKey)).toEqual(API_HANDLERS.map(({ api }) => api.key));
    for (const { apiKey, minVersion, maxVersion } of listed) {
      expect(APIS.find(({ key }) => key === apiKey)?.advertised).toEqual({ min: minVersion, max: maxVersion });
    }
  });

  test('has all that a cluster without transactions, reassignment and security needs', () => {
    const served = new Set(API_HANDLERS.map(({ api }) => api.name));
    const later = Object.keys(ApiKey).filter((name) => !served.has(name as keyof typeof ApiKey));
    expect(later).toEqual([
      'SaslHandshake',
      'AddPartitionsToTxn',
      'AddOffsetsToTxn',
      'EndTxn',
      'WriteTxnMarkers',
      'TxnOffsetCommit',
      'DescribeAcls',
      'CreateAcls',
      'DeleteAcls',
      'AlterReplicaLogDirs',
      'DescribeLogDirs',
      'SaslAuthenticate',
      'CreateDelegationToken',
      'RenewDelegationToken',
      'ExpireDelegationToken',
      'DescribeDelegationToken',
      'AlterPartitionReassignments',
      'ListPartitionReassignments',
      'DescribeClientQuotas',
      'AlterClientQuotas',
      'DescribeUserScramCredentials',
      'AlterUserScramCredentials',
      'UpdateFeatures',
      'Envelope',
      'DescribeProducers',
      'DescribeTransactions',
      'ListTransactions',
      'ConsumerGroupHeartbeat',
    ]);
  });
});
