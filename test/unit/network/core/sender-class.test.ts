import { isOfBroker, senderClassOf, type ListenerAudience } from '../../../../src/network/core/sender-class.js';
import { ApiKey, apiOf, encodeRequestFrame } from '../../../../src/protocol/index.js';

const HEADER_PREFIX_BYTES = 64;

/** What is known of a request when its class is decided. */
function prefixOf(apiKey: number, version: number, clientId: string | null): Buffer {
  const frame = Buffer.concat(encodeRequestFrame(apiKey, version, 7, clientId, {})).subarray(4);
  return Buffer.concat([frame, Buffer.alloc(HEADER_PREFIX_BYTES)]).subarray(0, HEADER_PREFIX_BYTES);
}

const FETCH = prefixOf(ApiKey.Fetch, 12, 'consumer-1');

describe('the class of a frame', () => {
  test.each<{ audience: ListenerAudience; prefix: Buffer; bytes: number; is: string; title: string }>([
    { title: 'up to 64 KiB of a client', audience: 'clients', prefix: FETCH, bytes: 65_536, is: 'small' },
    { title: 'more than 64 KiB of a client', audience: 'clients', prefix: FETCH, bytes: 65_537, is: 'large' },
    { title: 'anything where only brokers come', audience: 'brokers', prefix: FETCH, bytes: 5000, is: 'broker' },
    { title: 'a consumer’s fetch', audience: 'brokersAndClients', prefix: FETCH, bytes: 5000, is: 'small' },
    {
      title: 'a follower’s fetch',
      audience: 'brokersAndClients',
      prefix: prefixOf(ApiKey.Fetch, 15, 'broker-12-fetcher-0'),
      bytes: 5_000_000,
      is: 'claimedBroker',
    },
    {
      title: 'what says so where no brokers come',
      audience: 'clients',
      prefix: prefixOf(ApiKey.LeaderAndIsr, 6, 'broker-12-fetcher-0'),
      bytes: 5000,
      is: 'small',
    },
    {
      title: 'what no follower asks, of one that calls itself so',
      audience: 'brokersAndClients',
      prefix: prefixOf(ApiKey.Metadata, 12, 'broker-12-fetcher-0'),
      bytes: 5000,
      is: 'small',
    },
    {
      title: 'a client id that only begins like a follower’s',
      audience: 'brokersAndClients',
      prefix: prefixOf(ApiKey.Fetch, 12, 'broker-12-fetcher-0-x'),
      bytes: 5000,
      is: 'small',
    },
    {
      title: 'a client id that goes on behind what is known',
      audience: 'brokersAndClients',
      prefix: prefixOf(ApiKey.Fetch, 12, `broker-${'1'.repeat(60)}-fetcher-0`),
      bytes: 5000,
      is: 'small',
    },
    {
      title: 'a request without a client id',
      audience: 'brokersAndClients',
      prefix: prefixOf(ApiKey.Fetch, 12, null),
      bytes: 5000,
      is: 'small',
    },
  ])('$title: $is', ({ audience, prefix, bytes, is }) => {
    expect(senderClassOf(audience, bytes, Buffer.concat([Buffer.alloc(3), prefix]), 3)).toBe(is);
    expect(isOfBroker(audience, prefix)).toBe(is === 'broker' || is === 'claimedBroker');
  });

  test.each([
    'LeaderAndIsr',
    'StopReplica',
    'UpdateMetadata',
    'ControlledShutdown',
    'WriteTxnMarkers',
    'AlterPartition',
    'Envelope',
    'AllocateProducerIds',
  ] as const)('%s comes from a broker', (name) => {
    const api = apiOf(ApiKey[name])!;
    const prefix = Buffer.alloc(HEADER_PREFIX_BYTES);
    prefix.writeInt16BE(api.key);
    expect(senderClassOf('brokersAndClients', 5000, prefix, 0)).toBe('claimedBroker');
  });

  test('a frame that is no request is nobody’s', () => {
    for (let length = 1; length < 14; length++) {
      const frame = Buffer.alloc(length);
      frame.writeUInt8(ApiKey.Fetch, Math.min(1, length - 1));
      expect(isOfBroker('brokersAndClients', frame)).toBe(false);
    }
  });
});
