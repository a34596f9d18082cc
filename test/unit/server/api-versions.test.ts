import type { Request } from '../../../src/network/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { call } from './request-call.js';

/** What is kept of the connection of a client that calls itself so, and what it is answered. */
async function keptOf(clientSoftwareName: string, clientSoftwareVersion: string) {
  let connection: Request['connection'] | null = null;
  const { answer } = await call({
    apiKey: ApiKey.ApiVersions,
    version: 3,
    body: { clientSoftwareName, clientSoftwareVersion },
    services: { offeredApis: [], finalizedFeaturesEpoch: 0 },
    onRequest: (request) => void ({ connection } = request),
  });
  const { clientSoftwareName: name, clientSoftwareVersion: version } = connection!;
  return { errorCode: (answer as { errorCode: number }).errorCode, name, version };
}

test('a connection keeps the name and version of its client, of long ones the first 255 characters', async () => {
  expect(await keptOf('kafkajs', '2.2.4')).toEqual({ errorCode: ErrorCode.NONE, name: 'kafkajs', version: '2.2.4' });
  const long = await keptOf('n'.repeat(32_767), `1.${'0'.repeat(30_000)}`);
  expect(long).toEqual({ errorCode: ErrorCode.NONE, name: 'n'.repeat(255), version: `1.${'0'.repeat(253)}` });
});

test('a client that calls itself what Kafka refuses is refused, and nothing is kept of it', async () => {
  for (const name of ['', '-x', 'x y', `${'x'.repeat(300)}.`]) {
    expect(await keptOf(name, '1')).toEqual({
      errorCode: ErrorCode.INVALID_REQUEST,
      name: 'unknown',
      version: 'unknown',
    });
  }
});
