/** Hundreds of dynamic values: a broker takes any name, for a plug-in that it may not have. */
import { applyDynamicConfig, BrokerConfig } from '../../../src/config/index.js';

const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'localhost:2181']]));

test('one value that cannot be among a thousand is found by few looks, and all others take effect', () => {
  const defaults = new Map(Array.from({ length: 1000 }, (_, at) => [`plug.in.${at}`, `${at}`]));
  defaults.set('log.flush.interval.ms', '-1');
  for (let at = 1000; at < 1100; at++) defaults.set(`plug.in.${at}`, `${at}`);
  const looks = jest.spyOn(BrokerConfig.prototype, 'withDynamic');
  const applied = applyDynamicConfig(config, { defaults, own: new Map() });
  expect(looks.mock.calls.length).toBeLessThan(60);
  looks.mockRestore();
  expect(applied.ignored.map(({ names }) => names)).toEqual([['log.flush.interval.ms']]);
  defaults.delete('log.flush.interval.ms');
  expect([...applied.config.dynamicDefaultTexts]).toEqual([...defaults]);
});

test('one change of a thousand that a running broker cannot go along with is found by few looks', () => {
  const defaults = new Map(Array.from({ length: 500 }, (_, at) => [`plug.in.${at}`, `${at}`]));
  defaults.set('num.io.threads', '100');
  for (let at = 500; at < 999; at++) defaults.set(`plug.in.${at}.retention.ms`, `${at}`);
  const since = config.withDynamic(new Map([['plug.in.3', 'as it was']]), new Map());
  const looks = jest.spyOn(BrokerConfig.prototype, 'withDynamic');
  const applied = applyDynamicConfig(config, { defaults, own: new Map() }, since);
  expect(looks.mock.calls.length).toBeLessThan(60);
  looks.mockRestore();
  expect(applied.ignored.map(({ names, error }) => [names, error?.message])).toEqual([
    [
      ['num.io.threads'],
      'Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than double the current value 8',
    ],
  ]);
  defaults.delete('num.io.threads');
  expect(new Map(applied.config.dynamicDefaultTexts)).toEqual(defaults);
});

test('of two changes that cannot be together one takes effect', () => {
  const names = { 'log.retention.ms': '1000', 'log.local.retention.ms': '2000' };
  const defaults = new Map(Object.entries(names));
  const applied = applyDynamicConfig(config, { defaults, own: new Map() }, config);
  expect(applied.ignored.map((one) => one.names)).toEqual([['log.local.retention.ms']]);
  expect([...applied.config.dynamicDefaultTexts]).toEqual([['log.retention.ms', '1000']]);
});
