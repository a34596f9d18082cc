import { BrokerConfig } from '../../../../src/config/index.js';
import { featuresToWrite, type FeatureVersioning } from '../../../../src/controller/core/feature-versioning.js';

const none = new Map<string, number>();
const some = new Map([['group.version', 1]]);
const written = (version: number, enabled: boolean, features = none): FeatureVersioning => ({
  version,
  enabled,
  features,
});

test.each([
  { title: 'a node that is missing is made, enabled', existing: null, ibp: '3.6', wanted: written(2, true) },
  { title: 'before 2.7 it is made disabled', existing: null, ibp: '2.6', wanted: written(1, false) },
  { title: 'before 3.3 it is made in the older format', existing: null, ibp: '3.2', wanted: written(1, true) },
  { title: 'what is as it should be is left alone', existing: written(2, true, some), ibp: '3.6', wanted: null },
  {
    title: 'a disabled one is enabled without features',
    existing: written(2, false),
    ibp: '3.6',
    wanted: written(2, true),
  },
  {
    title: 'features survive a new format',
    existing: written(1, true, some),
    ibp: '3.6',
    wanted: written(2, true, some),
  },
  {
    title: 'going back before 2.7 disables it and drops the features',
    existing: written(2, true, some),
    ibp: '2.6',
    wanted: written(1, false),
  },
])('$title', ({ existing, ibp, wanted }) => {
  const properties = new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['inter.broker.protocol.version', ibp],
  ]);
  const { config } = BrokerConfig.parse(properties, new Map());
  expect(featuresToWrite(existing, (version) => config.interBrokerProtocolAtLeast(version))).toEqual(wanted);
});
