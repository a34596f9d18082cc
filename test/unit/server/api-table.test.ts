import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ApiKey } from '../../../src/protocol/index.js';
import { API_HANDLERS, offeredApis } from '../../../src/server/index.js';

interface RecordedAnswer {
  readonly name: string;
  readonly response: { readonly apiKeys: { apiKey: number; minVersion: number; maxVersion: number }[] };
}

/** What a real broker answered to ApiVersions 3. */
function recordedApiVersions(): RecordedAnswer['response'] {
  const file = path.join(__dirname, '../../.fixtures/reference/behaviour/behaviour.json');
  const answers = JSON.parse(readFileSync(file, 'utf8')) as RecordedAnswer[];
  return answers.find(({ name }) => name === 'ApiVersions v3')!.response;
}

describe('the table of served APIs', () => {
  test('has one handler an API, in the order of the keys', () => {
    const keys = API_HANDLERS.map(({ api }) => api.key);
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
  });

  test('is what ApiVersions lists, each in the versions that a Kafka 3.6.1 broker answered with', () => {
    const { apiKeys } = recordedApiVersions();
    const served = new Set<number>(API_HANDLERS.map(({ api }) => api.key));
    expect(served.size).toBeGreaterThan(30);
    expect(offeredApis(API_HANDLERS)).toEqual(apiKeys.filter(({ apiKey }) => served.has(apiKey)));
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
