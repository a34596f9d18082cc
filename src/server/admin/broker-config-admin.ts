import type { Clock, Logger } from '../../common/index.js';
import {
  ConfigError,
  loggableBrokerConfig,
  refuseDynamicPasswords,
  usableDynamicTexts,
  validateDynamicConfig,
  type BrokerConfig,
  type DynamicScope,
} from '../../config/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { DEFAULT_ENTITY, type ZkStores } from '../../zookeeper/index.js';
import { doInTurn } from '../in-turns.js';
import { AdminError, MAX_CONFIGS, tooManyConfigs } from './admin-error.js';
import { requireFittingConfig } from './znode-size.js';

type Texts = ReadonlyMap<string, string>;
/** What shall stand there instead of what does. */
type Wanted = (before: Texts) => Texts;

/**
 * Changes the dynamic configurations of this broker, and of all (KIP-226). They are checked whole before they are written, as all brokers
 * will take them over; a broker is asked for its own, any one for those of all.
 */
export class BrokerConfigAdmin {
  constructor(
    private readonly deps: {
      readonly config: () => BrokerConfig;
      readonly stores: ZkStores;
      readonly brokerId: number;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {}

  /** Rejects with what a client is told of a change that cannot be. */
  async check(name: string, wanted: Wanted): Promise<void> {
    const { entity, scope } = this.placeOf(name);
    const { clock, stores } = this.deps;
    const standing = await stores.configs.config('brokers', entity);
    await doInTurn(clock, () => {
      const before = usableDynamicTexts(standing, scope);
      this.validate(before, wanted(before), scope);
    });
  }

  /** Writes the change to ZooKeeper, if it may be, and tells all brokers. */
  async change(name: string, validateOnly: boolean, wanted: Wanted): Promise<void> {
    const { clock, stores } = this.deps;
    const { entity, scope } = this.placeOf(name);
    if (validateOnly) return this.check(name, wanted);
    const textsFor = (standing: Texts): Texts => {
      // What has no effect there goes with the next change, as in Kafka.
      const before = usableDynamicTexts(standing, scope);
      const texts = wanted(before);
      this.validate(before, texts, scope);
      this.refusePasswords(name, before, texts, scope);
      requireFittingConfig(texts);
      const configs = loggableBrokerConfig(texts);
      this.deps.log.info('Updating brokers with new configuration', { broker: entity, configs });
      return texts;
    };
    await stores.configs.changeConfig('brokers', entity, (standing) => doInTurn(clock, () => textsFor(standing)));
  }

  private refusePasswords(name: string, before: Texts, texts: Texts, scope: DynamicScope): void {
    try {
      // Those that stand there already are encrypted.
      refuseDynamicPasswords(new Map([...texts].filter(([config, text]) => before.get(config) !== text)), scope);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const resource = `ConfigResource(type=BROKER, name='${name}')`;
      throw new ConfigError(`Invalid config value for resource ${resource}: ${error.message}`);
    }
  }

  /** `expected`: how the sentence for another broker's id ends. */
  requireOwnId(name: string, kind: 'Broker' | 'Node', expected: string): void {
    const id = Number(name);
    if (!/^[+-]?\d+$/.test(name) || id !== (id | 0)) {
      throw new AdminError(ErrorCode.INVALID_REQUEST, `${kind} id must be an integer, but it is: ${name}`);
    }
    if (id !== this.deps.brokerId) {
      throw new AdminError(ErrorCode.INVALID_REQUEST, `Unexpected broker id, ${expected}`);
    }
  }

  private placeOf(name: string): { readonly entity: string; readonly scope: DynamicScope } {
    if (name === '') return { entity: DEFAULT_ENTITY, scope: 'cluster-wide' };
    this.requireOwnId(name, 'Node', `expected ${this.deps.brokerId}, but received ${name}`);
    return { entity: String(this.deps.brokerId), scope: 'per-broker' };
  }

  private validate(before: Texts, texts: Texts, scope: DynamicScope): void {
    if (texts.size > MAX_CONFIGS && texts.size > before.size)
      throw new AdminError(ErrorCode.INVALID_REQUEST, tooManyConfigs(texts.size));
    try {
      validateDynamicConfig(this.deps.config(), texts, scope);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Kafka answers this for what cannot be, though the request is well-formed (KAFKA-13609).
      throw new AdminError(ErrorCode.INVALID_REQUEST, error.clientMessage);
    }
  }
}
