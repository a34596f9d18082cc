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
