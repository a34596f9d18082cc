import {
  apiVersionsResponse,
  controlledShutdownRequest,
  consumerGroupHeartbeatResponse,
  decodeVersioned,
  describeClusterResponse,
  encodeVersioned,
  fetchRequest,
  fetchResponse,
  groupMetadataValue,
  leaderAndIsrRequest,
  metadataRequest,
  metadataResponse,
  offsetCommitKey,
  produceRequest,
  ProtocolError,
  requestHeader,
  saslHandshakeRequest,
} from '../../../src/protocol/index.js';

function refusal(run: () => unknown): ProtocolError {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('encoding', () => {
  test('gives fields that are missing their defaults', () => {
    expect(controlledShutdownRequest.encode({ brokerId: 3 }, 2).toString('hex')).toBe('00000003ffffffffffffffff');
    expect(fetchRequest.decode(fetchRequest.encode({}, 4), 4)).toMatchObject({ replicaId: -1, maxBytes: 2147483647 });
  });

  test('drops an ignorable value where the version lacks the field', () => {
    const bytes = controlledShutdownRequest.encode({ brokerId: 3, brokerEpoch: 7n }, 0);
    expect(controlledShutdownRequest.decode(bytes, 0)).toEqual({ brokerId: 3, brokerEpoch: -1n });
  });

  test.each([
    [
      'a number',
      () => fetchRequest.encode({ topics: [{ partitions: [{ lastFetchedEpoch: 3 }] }] }, 11),
      'lastFetchedEpoch',
    ],
    ['an array', () => leaderAndIsrRequest.encode({ ungroupedPartitionStates: [{}] }, 2), 'ungroupedPartitionStates'],
    ['a struct', () => fetchRequest.encode({ replicaState: { replicaId: 2 } }, 14), 'replicaState'],
    ['a missing null', () => fetchRequest.encode({ replicaId: 2 }, 15), 'replicaId'],
  ])('refuses %s that must not be lost where the version lacks the field', (_what, encode, field) => {
    const { kind, message } = refusal(encode);
    expect(kind).toBe('UnsupportedVersion');
    expect(message).toContain(field);
  });

  test('takes a value that equals the default where the version lacks the field', () => {
    expect(fetchRequest.encode({ replicaState: { replicaId: -1, replicaEpoch: -1n } }, 14)).toEqual(
      fetchRequest.encode({}, 14),
    );
  });

  test.each([
    ['an int32 too large', () => controlledShutdownRequest.encode({ brokerId: 2 ** 31 }, 0), 'brokerId'],
    ['a fraction', () => controlledShutdownRequest.encode({ brokerId: 1.5 }, 0), 'brokerId'],
    ['an int64 too large', () => controlledShutdownRequest.encode({ brokerEpoch: 2n ** 63n }, 2), 'brokerEpoch'],
    ['an int16 too large', () => produceRequest.encode({ acks: 32768 }, 3), 'acks'],
    ['null for a string', () => saslHandshakeRequest.encode({ mechanism: null as unknown as string }, 0), 'mechanism'],
    ['null in a version without it', () => metadataRequest.encode({ topics: null }, 0), 'topics'],
    [
      'a string of more than 32767 bytes',
      () => saslHandshakeRequest.encode({ mechanism: 'x'.repeat(32768) }, 0),
      'mechanism',
    ],
    [
      'two-byte characters beyond that',
      () => saslHandshakeRequest.encode({ mechanism: 'é'.repeat(16384) }, 0),
      'mechanism',
    ],
    [
      'a uuid of other characters',
      () => metadataRequest.encode({ topics: [{ topicId: '!'.repeat(22) }] }, 12),
      'topicId',
    ],
    [
      'a uuid with bits too many',
      () => metadataRequest.encode({ topics: [{ topicId: 'B'.repeat(22) }] }, 12),
      'topicId',
    ],
  ])('refuses %s and names the field', (_what, encode, field) => {
    const { kind, message } = refusal(encode);
    expect(kind).toBe('InvalidValue');
    expect(message).toContain(field);
  });

  test('refuses a version that is not defined', () => {
    expect(refusal(() => controlledShutdownRequest.encode({}, 4)).kind).toBe('UnsupportedVersion');
    expect(refusal(() => controlledShutdownRequest.decode(Buffer.alloc(99), -1)).kind).toBe('UnsupportedVersion');
  });

  test('goes on as before after a refusal', () => {
    const before = controlledShutdownRequest.encode({ brokerId: 1 }, 3);
    refusal(() =>
      leaderAndIsrRequest.encode(
        { topicStates: [{ topicName: 'x'.repeat(100) }, { topicName: 'y'.repeat(40000) }] },
        7,
      ),
    );
    expect(controlledShutdownRequest.encode({ brokerId: 1 }, 3)).toEqual(before);
  });

  test('passes large records on by reference and copies small ones', () => {
    const large = Buffer.alloc(4096, 1);
    const small = Buffer.alloc(4095, 2);
    const message = {
      responses: [{ partitions: [{ records: large }, { records: [small, large] }, { records: null }] }],
    };
    const chunks = fetchResponse.encodeChunks(message, 12);
    expect(chunks.filter((chunk) => chunk === large)).toHaveLength(2);
    expect(chunks).toHaveLength(5);
    expect(Buffer.concat(chunks)).toEqual(fetchResponse.encode(message, 12));
    const decoded = fetchResponse.decode(Buffer.concat(chunks), 12);
    expect(decoded.responses[0]!.partitions.map(({ records }) => records?.length)).toEqual([4096, 8191, undefined]);
  });

  test('grows its buffer for messages of any size, and keeps earlier results whole', () => {
    const names = Array.from({ length: 50_000 }, (_, index) => ({ name: `topic-${index}-${'x'.repeat(30)}` }));
    const first = metadataRequest.encode({ topics: names }, 9);
    const copy = Buffer.from(first);
    metadataRequest.encode({ topics: names.slice().reverse() }, 9);
    expect(first.equals(copy)).toBe(true);
    expect(metadataRequest.decode(first, 9).topics).toHaveLength(50_000);
  });

  test('writes half a surrogate pair as a question mark, like Java', () => {
    const bytes = saslHandshakeRequest.encode({ mechanism: 'a\ud800b' }, 0);
    expect(saslHandshakeRequest.decode(bytes, 0).mechanism).toBe('a?b');
    const long = saslHandshakeRequest.encode({ mechanism: `${'x'.repeat(100)}\udc00😀` }, 0);
    expect(saslHandshakeRequest.decode(long, 0).mechanism).toBe(`${'x'.repeat(100)}?😀`);
  });
});

describe('decoding', () => {
  const mechanism = (hex: string): string => {
    const text = Buffer.from(hex, 'hex');
    const length = Buffer.alloc(2);
    length.writeInt16BE(text.length);
    return saslHandshakeRequest.decode(Buffer.concat([length, text]), 0).mechanism;
  };

  test.each([
    ['a byte that begins nothing', '61ff62', 'a\ufffdb'],
    ['a character cut off', '61e282', 'a\ufffd'],
    ['an encoded surrogate', '61eda08062', 'a\ufffdb'],
    ['two encoded surrogates', 'eda080edb080', '\ufffd\ufffd'],
    ['an overlong form', 'c080', '\ufffd\ufffd'],
    ['a replacement character that was sent', 'efbfbd', '\ufffd'],
  ])('replaces %s as Java does', (_what, hex, text) => {
    expect(mechanism(hex)).toBe(text);
  });

  test('gives the same string for the same bytes, and another for others of the same length', () => {
    const texts = Array.from({ length: 20_000 }, (_, index) => `topic-${index}`);
    const bytes = metadataRequest.encode({ topics: texts.map((name) => ({ name })) }, 9);
    for (const _time of [1, 2]) {
      expect(metadataRequest.decode(bytes, 9).topics!.map(({ name }) => name)).toEqual(texts);
    }
  });

  test('begins where it is told and says where it ended', () => {
    const at = { buffer: Buffer.from('ffff0000000003ff', 'hex'), position: 3 };
    expect(controlledShutdownRequest.decodeFrom(at, 0).brokerId).toBe(3);
    expect(at.position).toBe(7);
  });

  test('fills fields that the version lacks with fresh defaults', () => {
    const [one, two] = [1, 2].map(() =>
      metadataResponse.decode(metadataResponse.encode({ topics: [{ partitions: [{}] }] }, 0), 0),
    );
    expect(one).toEqual(two);
    one!.topics[0]!.partitions[0]!.offlineReplicas.push(1);
    expect(two!.topics[0]!.partitions[0]!.offlineReplicas).toEqual([]);
    expect(one!.clusterAuthorizedOperations).toBe(-2147483648);
    expect(one!.topics[0]!.topicId).toBe('AAAAAAAAAAAAAAAAAAAAAA');
  });

  test('takes tagged fields in any order, skips unknown ones, and the last of a kind counts', () => {
    const plain = apiVersionsResponse.encode({}, 3).subarray(0, -1);
    const epoch = (value: number): string => `0108${value.toString(16).padStart(16, '0')}`;
    const tags = Buffer.from(`05030101${epoch(5)}ff7f03aabbcc${epoch(6)}020101`, 'hex');
    const decoded = apiVersionsResponse.decode(Buffer.concat([plain, tags]), 3);
    expect(decoded).toMatchObject({ zkMigrationReady: true, finalizedFeaturesEpoch: 6n, finalizedFeatures: [] });
  });

  test('reads records as a view of the received bytes', () => {
    const bytes = produceRequest.encode({ topicData: [{ partitionData: [{ records: Buffer.from('abc') }] }] }, 9);
    const { records } = produceRequest.decode(bytes, 9).topicData[0]!.partitionData[0]!;
    expect(records!.buffer).toBe(bytes.buffer);
    expect(records!.toString()).toBe('abc');
  });

  test('a nullable struct is there or not', () => {
    const without = consumerGroupHeartbeatResponse.encode({ assignment: null }, 0);
    expect(consumerGroupHeartbeatResponse.decode(without, 0).assignment).toBeNull();
    const assignment = { pendingTopicPartitions: [], metadataVersion: 4 };
    const decoded = consumerGroupHeartbeatResponse.decode(consumerGroupHeartbeatResponse.encode({ assignment }, 0), 0);
    expect(decoded.assignment).toMatchObject(assignment);
  });

  test('the client id of a flexible header is not compact', () => {
    const bytes = requestHeader.encode(
      { requestApiKey: 3, requestApiVersion: 12, correlationId: 1, clientId: 'me' },
      2,
    );
    expect(bytes.toString('hex')).toBe('0003000c0000000100026d6500');
  });
});

test('data messages carry their version in front', () => {
  const bytes = encodeVersioned(offsetCommitKey, { group: 'g', topic: 't', partition: 2 }, 1);
  expect(bytes.toString('hex')).toBe('000100016700017400000002');
  expect(decodeVersioned(offsetCommitKey, bytes)).toEqual({ group: 'g', topic: 't', partition: 2 });
  expect(refusal(() => decodeVersioned(groupMetadataValue, Buffer.from('0009', 'hex'))).kind).toBe(
    'UnsupportedVersion',
  );
  expect(refusal(() => decodeVersioned(groupMetadataValue, Buffer.from('00', 'hex'))).kind).toBe('Malformed');
});

test('a message tells its versions', () => {
  expect(describeClusterResponse).toMatchObject({ kind: 'response', apiKey: 60, flexibleVersions: { min: 0 } });
  expect(offsetCommitKey).toMatchObject({
    kind: 'data',
    apiKey: null,
    validVersions: { min: 0, max: 1 },
    flexibleVersions: null,
  });
});
