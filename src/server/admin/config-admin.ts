import { whyInvalidTopicName } from '../../cluster/index.js';
import { forEachInSteps, runInSlices, type Clock, type Logger, type LoggerLevels } from '../../common/index.js';
import {
  ConfigError,
  definitionOf,
  describeBrokerConfig,
  documentationOf,
  NO_DOCUMENTATION,
  describeBrokerDefaults,
  describeTopicConfig,
  TopicConfig,
  topicDefinitionOf,
  validateTopicConfig,
  loggableTopicConfig,
  type BrokerConfig,
  type ConfigDescription,
} from '../../config/index.js';
import {
  ErrorCode,
  errorMessage,
  type AlterConfigsRequest,
  type DescribeConfigsRequest,
  type DescribeConfigsResponseInput,
} from '../../protocol/index.js';
import type { ZkStores } from '../../zookeeper/index.js';
import { BrokerConfigAdmin } from './broker-config-admin.js';
import {
  AdminError,
  apiResultOf,
  attempt,
  MAX_CONFIGS,
  NO_ERROR,
  tooManyConfigs,
  type ApiResult,
} from './admin-error.js';
import { applyOps, OpType, OP_TYPES, type IncrementalResource } from './config-ops.js';
import { beginInTurn, doInTurn, mapInTurns } from '../in-turns.js';
import { requireFittingConfig } from './znode-size.js';
import { LoggerAdmin } from './logger-admin.js';
import type { TopicView } from './topic-view.js';

/** `ConfigResource.Type`. */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8 } as const;

type FullResource = AlterConfigsRequest['resources'][number];
type DescribeConfigsResultInput = NonNullable<DescribeConfigsResponseInput['results']>[number];

/** Resources that are altered side by side. */
const MAX_CONCURRENT = 100;

type Texts = ReadonlyMap<string, string>;
type AnyResource = IncrementalResource | FullResource;

/** The error code that keeps who asks from changing a resource; 0 when nothing does. */
export type AuthorizeAlter = (resourceType: number, resourceName: string) => number;

/**
 * Describes and changes configurations (Kafka's `ConfigAdminManager`, `ZkAdminManager` and `ConfigHelper`). A change is written to
 * ZooKeeper with a notification, on which every broker reads it; any broker may be asked.
 */
export class ConfigAdmin {
  private readonly brokers: BrokerConfigAdmin;
  private readonly loggers: LoggerAdmin;

  constructor(
    private readonly deps: {
      readonly config: () => BrokerConfig;
      readonly stores: ZkStores;
      readonly view: TopicView;
      readonly brokerId: number;
      readonly clock: Clock;
      readonly log: Logger;
      readonly loggerLevels?: LoggerLevels;
    },
  ) {
    this.brokers = new BrokerConfigAdmin(deps);
    this.loggers = new LoggerAdmin(deps.loggerLevels ?? NO_LOGGERS, deps.log);
  }

  /** One resource of a DescribeConfigs. */
  async describe(
    { resourceType, resourceName, configurationKeys }: DescribeConfigsRequest['resources'][number],
    {
      includeSynonyms,
      includeDocumentation,
    }: { readonly includeSynonyms: boolean; readonly includeDocumentation: boolean },
  ): Promise<DescribeConfigsResultInput> {
    const kind = resourceType === ResourceType.TOPIC ? 'topic' : 'broker';
    const documentation = includeDocumentation ? await documentationOf(kind) : NO_DOCUMENTATION;
    const answer = (result: ApiResult, configs: readonly ConfigDescription[]): DescribeConfigsResultInput => ({
      errorCode: result.errorCode,
      // Where there is nothing to say Kafka leaves the field at its default, which is not null.
      errorMessage: result.errorMessage ?? '',
      resourceType,
      resourceName,
      configs: configs.map((config) => ({
        ...config,
        // Kafka leaves this of a logger at its default, which is not null.
        documentation: resourceType === ResourceType.BROKER_LOGGER ? '' : documentation(config.name),
        // Version 0 has nothing but isDefault for where a value comes from, and Kafka leaves that false.
        synonyms: includeSynonyms ? [...config.synonyms] : [],
      })),
    });
    const keys = new Set<string>();
    const { clock } = this.deps;
    await runInSlices(
      clock,
      forEachInSteps(configurationKeys ?? [], (key) => void keys.add(key)),
    );
    try {
      const overrides = await beginInTurn(clock, () => this.overridesOf(resourceType, resourceName));
      return await doInTurn(clock, () =>
        answer(NO_ERROR, this.describeOne(resourceType, resourceName, overrides, keys)),
      );
    } catch (error) {
      return answer(apiResultOf(error, this.deps.log, `describe configs of ${resourceName}`), []);
    }
  }

  /** Results in the order of the resources. Resources that are refused do not keep others from being changed. */
  incrementalAlter(
    resources: readonly IncrementalResource[],
    validateOnly: boolean,
    authorize: AuthorizeAlter,
  ): Promise<ApiResult[]> {
    return this.alterAll(resources, authorize, {
      nullsOf: ({ configs }) =>
        configs.filter(({ configOperation, value }) => configOperation !== OpType.DELETE && value === null),
      changeLoggers: ({ resourceName, configs }) => {
        this.brokers.requireOwnId(resourceName, 'Node', `expected ${this.deps.brokerId}, but received ${resourceName}`);
        this.loggers.alter(configs, validateOnly);
      },
      check: async ({ resourceName, configs }) => {
        const unknown = configs.find(({ configOperation }) => !OP_TYPES.has(configOperation));
        if (unknown) {
          throw new AdminError(ErrorCode.INVALID_REQUEST, `Unknown operations type ${unknown.configOperation}`);
        }
        await this.brokers.check(resourceName, (before) => applyOps(before, configs, definitionOf));
      },
      change: ({ resourceType, resourceName, configs }) =>
        resourceType === ResourceType.TOPIC
          ? this.changeTopic(resourceName, validateOnly, (before) => applyOps(before, configs, topicDefinitionOf))
          : this.brokers.change(resourceName, validateOnly, (before) => applyOps(before, configs, definitionOf)),
    });
  }

  /** The same for the older API, which replaces all overrides of a resource. */
  alter(resources: readonly FullResource[], validateOnly: boolean, authorize: AuthorizeAlter): Promise<ApiResult[]> {
    const textsOf = ({ configs }: FullResource) => new Map(configs.map(({ name, value }) => [name, value!]));
    return this.alterAll(resources, authorize, {
      nullsOf: ({ configs }) => configs.filter(({ value }) => value === null),
      changeLoggers: null,
      check: (resource) => this.brokers.check(resource.resourceName, () => textsOf(resource)),
      change: (resource) =>
        resource.resourceType === ResourceType.TOPIC
          ? this.changeTopic(resource.resourceName, validateOnly, textsOf(resource))
          : this.brokers.change(resource.resourceName, validateOnly, () => textsOf(resource)),
    });
  }

  /** Kafka's two rounds (`ConfigAdminManager.preprocess`, then `ZkAdminManager`): what is refused in the first needs no rights. */
  private async alterAll<R extends AnyResource>(
    resources: readonly R[],
    authorize: AuthorizeAlter,
    steps: {
      nullsOf(resource: R): readonly { readonly name: string }[];
      /** Null where loggers are not known. */
      readonly changeLoggers: ((resource: R) => void) | null;
      /** Of brokers. */
      check(resource: R): Promise<void>;
      change(resource: R): Promise<void>;
    },
  ): Promise<ApiResult[]> {
    const keyOf = (resource: R): string => `${resource.resourceType} ${resource.resourceName}`;
    const { clock, log } = this.deps;
    const counts = new Map<string, number>();
    const count = (resource: R): void => void counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1);
    await runInSlices(clock, forEachInSteps(resources, count));
    const alterOne = async (resource: R): Promise<void> => {
      const { resourceType, resourceName, configs } = resource;
      const refuse = (text: string): never => {
        throw new AdminError(ErrorCode.INVALID_REQUEST, text);
      };
      if (configs.length > MAX_CONFIGS) refuse(tooManyConfigs(configs.length));
      if (counts.get(keyOf(resource))! > 1) refuse('Each resource must appear at most once.');
      if (new Set(configs.map(({ name }) => name)).size < configs.length) refuse('Error due to duplicate config keys');
      const nulls = steps.nullsOf(resource).map(({ name }) => name);
      if (nulls.length > 0) refuse(`Null value not supported for : ${nulls.join(', ')}`);
      const requireRights = (): void => {
        const refusal = authorize(resourceType, resourceName);
        if (refusal !== ErrorCode.NONE) throw new AdminError(refusal, errorMessage(refusal));
      };
      if (resourceType === ResourceType.BROKER_LOGGER && steps.changeLoggers) {
        requireRights();
        steps.changeLoggers(resource);
        return;
      }
      if (resourceType === ResourceType.BROKER) await steps.check(resource);
      else if (resourceType !== ResourceType.TOPIC) refuse(`Unknown resource type ${resourceType}`);
      requireRights();
      await steps.change(resource);
    };
    return mapInTurns(clock, resources, MAX_CONCURRENT, (resource) =>
      attempt(log, `alter configs of ${resource.resourceName}`, () => alterOne(resource)),
    );
  }

  private async changeTopic(
    topic: string,
    validateOnly: boolean,
    wanted: Texts | ((before: Texts) => Texts),
  ): Promise<void> {
    if (topic === '') throw new AdminError(ErrorCode.INVALID_REQUEST, 'Default topic resources are not allowed.');
    const { clock, view, stores, log } = this.deps;
    const missing = new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${topic}' does not exist.`);
    const check = (config: Texts): Texts => {
      if (!view.hasTopic(topic)) throw missing;
      const invalid = whyInvalidTopicName(topic);
      if (invalid !== null) throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, invalid);
      validated(topic, () => validateTopicConfig(this.deps.config(), config));
      requireFittingConfig(config);
      if (!validateOnly) {
        log.info('Updating topic with new configuration', { topic, configs: loggableTopicConfig(config) });
      }
      return config;
    };
    if (typeof wanted !== 'function') check(wanted);
    else if (validateOnly) {
      const before = await stores.configs.config('topics', topic);
      await doInTurn(clock, () => check(wanted(before)));
    }
    if (validateOnly) return;
    const update =
      typeof wanted === 'function' ? (before: Texts) => doInTurn(clock, () => check(wanted(before))) : wanted;
    if (!(await stores.configs.changeTopicConfig(topic, update))) throw missing;
  }

  /** Those of a topic stand in ZooKeeper. Rejects when there is none. */
  private async overridesOf(type: number, name: string): Promise<Texts> {
    if (type !== ResourceType.TOPIC) return NO_OVERRIDES;
    const { stores, view } = this.deps;
    const invalid = whyInvalidTopicName(name);
    if (invalid !== null) throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, invalid);
    if (!view.hasTopic(name)) throw new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    return stores.configs.config('topics', name);
  }

  /** None named are all. */
  private describeOne(
    type: number,
    name: string,
    overrides: Texts,
    keys: ReadonlySet<string>,
  ): readonly ConfigDescription[] {
    const config = this.deps.config();
    switch (type) {
      case ResourceType.TOPIC:
        return describeTopicConfig(config, TopicConfig.create(config, overrides), keys);
      case ResourceType.BROKER:
        if (name === '') return describeBrokerDefaults(config, keys);
        this.brokers.requireOwnId(
          name,
          'Broker',
          `expected ${this.deps.brokerId} or empty string, but received ${name}`,
        );
        return describeBrokerConfig(config, keys);
      case ResourceType.BROKER_LOGGER:
        if (name === '') throw new AdminError(ErrorCode.INVALID_REQUEST, 'Broker id must not be empty');
        this.brokers.requireOwnId(name, 'Broker', `expected ${this.deps.brokerId} but received ${name}`);
        return this.loggers.describe(keys);
      default:
        // Kafka's own reason stays in its log.
        throw new AdminError(ErrorCode.INVALID_REQUEST, errorMessage(ErrorCode.INVALID_REQUEST));
    }
  }
}

const NO_OVERRIDES: Texts = new Map();

/** Of a process that offers no levels. */
const NO_LOGGERS: LoggerLevels = { current: () => new Map(), set: () => undefined, unset: () => undefined };

/** Kafka says which resource a bad value was for, but not for names that it does not know or that contradict each other. */
function validated(topic: string, validate: () => void): void {
  try {
    validate();
  } catch (error) {
    if (!(error instanceof ConfigError) || /^(Unknown topic config name|conflict topic config)/.test(error.message))
      throw error;
    throw new ConfigError(
      `Invalid config value for resource ConfigResource(type=TOPIC, name='${topic}'): ${error.message}`,
    );
  }
}
