/** Levels of loggers by the APIs of configurations (KIP-412), as Kafka 3.6.1 answered. */
import { PassThrough } from 'node:stream';
import { silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { createLogging } from '../../../src/cli/logging/logging.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, ErrorCode, type DescribeConfigsResponse } from '../../../src/protocol/index.js';
import { ConfigAdmin } from '../../../src/server/admin/config-admin.js';
import { call } from './request-call.js';

const BROKER_LOGGER = 8;

function broker() {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'zk:2181'],
      ['broker.id', '1'],
    ]),
  );
  const destination = new PassThrough();
  const logging = createLogging({ clock: new SimulatedClock(), level: 'info', console: destination, colour: false });
  const controller = logging.factory('controller');
  logging.factory('log.cleaner');
  const deps = {
    config: () => config,
    brokerId: 1,
    clock: new SimulatedClock(),
    log: silentLogger,
    loggerLevels: logging.levels,
  };
  const configAdmin = new ConfigAdmin(deps as unknown as ConstructorParameters<typeof ConfigAdmin>[0]);
  const alter = async (
    configs: readonly (readonly [name: string, value: string | null, operation?: number])[],
    { validateOnly = false, denied = [] as string[], name = '1' } = {},
  ): Promise<[code: number, message: string | null]> => {
    const resource = {
      resourceType: BROKER_LOGGER,
      resourceName: name,
      configs: configs.map(([logger, value, configOperation = 0]) => ({ name: logger, value, configOperation })),
    };
    const body = { resources: [resource], validateOnly };
    const apiKey = ApiKey.IncrementalAlterConfigs;
    const { answer } = await call({ apiKey, version: 1, body, services: { configAdmin }, denied });
    const { responses } = answer as { responses: { errorCode: number; errorMessage: string | null }[] };
    return [responses[0]!.errorCode, responses[0]!.errorMessage];
  };
  const describe_ = async (): Promise<Record<string, string | null>> => {
    const body = { resources: [{ resourceType: BROKER_LOGGER, resourceName: '1', configurationKeys: null }] };
    const { answer } = await call({ apiKey: ApiKey.DescribeConfigs, version: 4, body, services: { configAdmin } });
    const { results } = answer as DescribeConfigsResponse;
    for (const entry of results[0]!.configs) {
      expect(entry).toMatchObject({
        readOnly: false,
        configSource: 6,
        configType: 0,
        isSensitive: false,
        synonyms: [],
      });
    }
    return Object.fromEntries(results[0]!.configs.map(({ name, value }) => [name, value]));
  };
  return { controller, alter, describe_, text: () => String(destination.read() ?? '') };
}

test('are told with what each logger has in force', async () => {
  expect(await broker().describe_()).toEqual({ controller: 'INFO', 'log.cleaner': 'INFO', root: 'INFO' });
});

test('change at once, for the logger, and for those that lie below none with a level of its own', async () => {
  const { controller, alter, describe_, text } = broker();
  controller.debug('not written');
  expect(await alter([['controller', 'DEBUG']])).toEqual([ErrorCode.NONE, null]);
  controller.debug('written');
  expect(controller.isEnabled('debug')).toBe(true);
  expect(await alter([['root', 'WARN']])).toEqual([ErrorCode.NONE, null]);
  expect(await describe_()).toEqual({ controller: 'DEBUG', 'log.cleaner': 'WARN', root: 'WARN' });
  expect(await alter([['controller', null, 1]])).toEqual([ErrorCode.NONE, null]);
  controller.info('not written');
  expect(await alter([['controller', 'FATAL']])).toEqual([ErrorCode.NONE, null]);
  controller.error('not written');
  expect(text().match(/written/g)).toHaveLength(1);
});

test.each([
  [
    [['controller', 'LOUD']],
    ErrorCode.INVALID_CONFIG,
    'Cannot set the log level of controller to LOUD as it is not a supported log level. Valid log levels are TRACE, ERROR, INFO, FATAL, DEBUG, WARN',
  ],
  [[['nope', 'INFO']], ErrorCode.INVALID_CONFIG, 'Logger nope does not exist!'],
  [[['nope', null, 1]], ErrorCode.INVALID_CONFIG, 'Logger nope does not exist!'],
  [[['root', null, 1]], ErrorCode.INVALID_REQUEST, 'Removing the log level of the root logger is not allowed'],
  [[['root', 'x', 2]], ErrorCode.INVALID_REQUEST, 'APPEND operation is not allowed for the BROKER_LOGGER resource'],
  [[['nope', 'x', 3]], ErrorCode.INVALID_REQUEST, 'SUBTRACT operation is not allowed for the BROKER_LOGGER resource'],
  [
    [['root', 'x', 9]],
    ErrorCode.INVALID_REQUEST,
    'Unknown operation type 9 is not allowed for the BROKER_LOGGER resource',
  ],
  [[['root', 'info']], ErrorCode.INVALID_CONFIG, expect.stringContaining('to info as it is not') as string],
] as const)('are not changed by %j, nor by what stands beside it', async (ops, code, message) => {
  const { alter, describe_ } = broker();
  expect(await alter([['log.cleaner', 'TRACE'], ...ops])).toEqual([code, message]);
  expect((await describe_())['log.cleaner']).toBe('INFO');
});

test('are changed by no one without rights, of no other broker, and not in a dry run', async () => {
  const { alter, describe_ } = broker();
  const [code] = await alter([['root', 'DEBUG']], { denied: ['*'] });
  expect(code).toBe(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  expect(await alter([['root', 'DEBUG']], { name: '2' })).toEqual([
    ErrorCode.INVALID_REQUEST,
    'Unexpected broker id, expected 1, but received 2',
  ]);
  expect(await alter([['root', 'DEBUG']], { validateOnly: true })).toEqual([ErrorCode.NONE, null]);
  expect((await describe_())['root']).toBe('INFO');
});
