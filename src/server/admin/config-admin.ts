import { whyInvalidTopicName } from '../../cluster/index.js';
import { runInSlices, type Clock, type Logger } from '../../common/index.js';
import {
  ConfigError,
  definitionOf,
  describeBrokerConfig,
  describeBrokerDefaults,
  describeTopicConfig,
  TopicConfig,
  topicDefinitionOf,
  validateTopicConfig,
  valueToText,
  type BrokerConfig,
  type ConfigDescription,
} from '../../config/index.js';
import {
  ErrorCode,
  errorMessage,
  type AlterConfigsRequest,
  type DescribeConfigsRequest,
  type DescribeConfigsResponseInput,
  type IncrementalAlterConfigsRequest,
} from '../../protocol/index.js';
import type { ZkStores } from '../../zookeeper/index.js';
import { AdminError, apiResultOf, attempt, NO_ERROR, type ApiResult } from './admin-error.js';
import { forEachInSteps } from '../in-steps.js';
import { mapInTurns } from '../in-turns.js';
import type { TopicView } from './topic-view.js';

/** `ConfigResource.Type`. */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8 } as const;

type IncrementalResource = IncrementalAlterConfigsRequest['resources'][number];
type IncrementalOp = IncrementalResource['configs'][number];
type FullResource = AlterConfigsRequest['resources'][number];
type DescribeConfigsResultInput = NonNullable<DescribeConfigsResponseInput['results']>[number];

/** Resources that are altered side by side. */
const MAX_CONCURRENT = 100;

const OpType = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

/**
 * Describes and changes configurations (Kafka's `ConfigAdminManager`, `ZkAdminManager` and `ConfigHelper`). A change is written to
 * ZooKeeper with a notification, on which every broker reads it; any broker may be asked.
 */
export class ConfigAdmin {
  constructor(
    private readonly deps: {
      readonly config: () => BrokerConfig;
      readonly stores: ZkStores;
      readonly view: TopicView;
      readonly brokerId: number;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {}

  /** One resource of a DescribeConfigs. */
  async describe(
    { resourceType, resourceName, configurationKeys }: DescribeConfigsRequest['resources'][number],
    { includeSynonyms }: { readonly includeSynonyms: boolean },
  ): Promise<DescribeConfigsResultInput> {
    const answer = (result: ApiResult, configs: readonly ConfigDescription[]): DescribeConfigsResultInput => ({
      errorCode: result.errorCode,
      // Where there is nothing to say Kafka leaves the field at its default, which is not null.
      errorMessage: result.errorMessage ?? '',
      resourceType,
      resourceName,
      configs: configs.map((config) => ({
        ...config,
        documentation: null,
        // Version 0 has nothing but isDefault for where a value comes from, and Kafka leaves that false.
        synonyms: includeSynonyms ? [...config.synonyms] : [],
      })),
    });
    try {
      return answer(NO_ERROR, await this.describeOne(resourceType, resourceName, configurationKeys));
    } catch (error) {
      return answer(apiResultOf(error, this.deps.log, `describe configs of ${resourceName}`), []);
    }
  }

  /** Results in the order of the resources. Resources that are refused do not keep others from being changed. */
  incrementalAlter(resources: readonly IncrementalResource[], validateOnly: boolean): Promise<ApiResult[]> {
    return this.alterAll(resources, async (resource) => {
      const { log } = this.deps;
      const nulls = resource.configs.filter(
        ({ configOperation, value }) => configOperation !== OpType.DELETE && value === null,
      );
      refuseNulls(nulls.map(({ name }) => name));
      this.requireTopic(resource);
      const config = await this.deps.stores.configs.config('topics', resource.resourceName);
      for (const op of resource.configs) applyOp(config, op);
      log.debug('Altering configs', { topic: resource.resourceName, ops: resource.configs.length, validateOnly });
      await this.changeTopicConfig(resource.resourceName, config, validateOnly);
    });
  }

  /** The same for the older API, which replaces all overrides of a resource. */
  alter(resources: readonly FullResource[], validateOnly: boolean): Promise<ApiResult[]> {
    return this.alterAll(resources, async (resource) => {
      refuseNulls(resource.configs.filter(({ value }) => value === null).map(({ name }) => name));
      this.requireTopic(resource);
      const config = new Map(resource.configs.map(({ name, value }) => [name, value!]));
      await this.changeTopicConfig(resource.resourceName, config, validateOnly);
    });
  }

  private async alterAll<
    R extends { resourceType: number; resourceName: string; configs: readonly { name: string }[] },
  >(resources: readonly R[], alterOne: (resource: R) => Promise<void>): Promise<ApiResult[]> {
    const keyOf = (resource: R): string => `${resource.resourceType} ${resource.resourceName}`;
    const { clock, log } = this.deps;
    const counts = new Map<string, number>();
    const count = (resource: R): void => void counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1);
    await runInSlices(clock, forEachInSteps(resources, count));
    return mapInTurns(clock, resources, MAX_CONCURRENT, (resource) =>
      attempt(log, `alter configs of ${resource.resourceName}`, async () => {
        if (counts.get(keyOf(resource))! > 1) {
          throw new AdminError(ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.');
        }
        if (new Set(resource.configs.map(({ name }) => name)).size < resource.configs.length) {
          throw new AdminError(ErrorCode.INVALID_REQUEST, 'Error due to duplicate config keys');
        }
        await alterOne(resource);
      }),
    );
  }

  private requireTopic({ resourceType, resourceName, configs }: IncrementalResource | FullResource): void {
    const refuse = (text: string): never => {
      throw new AdminError(ErrorCode.INVALID_REQUEST, text);
    };
    if (resourceType === ResourceType.TOPIC) {
      if (resourceName === '') refuse('Default topic resources are not allowed.');
      return;
    }
    if (resourceType !== ResourceType.BROKER && resourceType !== ResourceType.BROKER_LOGGER) {
      refuse(`Unknown resource type ${resourceType}`);
    }
    if (resourceName !== '') this.requireOwnId(resourceName, 'Node', `expected ${this.deps.brokerId}`);
    if (resourceType === ResourceType.BROKER) {
      const fixed = configs.map(({ name }) => name).filter((name) => definitionOf(name)?.updateMode === 'read-only');
      if (fixed.length > 0) refuse(`Cannot update these configs dynamically: Set(${fixed.join(', ')})`);
    }
    refuse('This broker cannot change the configuration of brokers while it runs: edit its file and start it again.');
  }

  private async changeTopicConfig(
    topic: string,
    config: ReadonlyMap<string, string>,
    validateOnly: boolean,
  ): Promise<void> {
    const { view, stores, log } = this.deps;
    if (!view.hasTopic(topic)) {
      throw new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${topic}' does not exist.`);
    }
    const invalid = whyInvalidTopicName(topic);
    if (invalid !== null) throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, invalid);
    validated(topic, () => validateTopicConfig(this.deps.config(), config));
    if (validateOnly) return;
    log.info('Updating topic with new configuration', { topic, configs: Object.fromEntries(config) });
    await stores.configs.setOrCreateConfig('topics', topic, config);
    await stores.configs.createChangeNotification(`topics/${topic}`);
  }

  private async describeOne(type: number, name: string, keys: readonly string[] | null): Promise<ConfigDescription[]> {
    const { stores, view } = this.deps;
    const config = this.deps.config();
    switch (type) {
      case ResourceType.TOPIC: {
        const invalid = whyInvalidTopicName(name);
        if (invalid !== null) throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, invalid);
        if (!view.hasTopic(name)) throw new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
        return describeTopicConfig(
          config,
          TopicConfig.create(config, await stores.configs.config('topics', name)),
          keys,
        );
      }
      case ResourceType.BROKER:
        if (name === '') return describeBrokerDefaults(config, keys);
        this.requireOwnId(name, 'Broker', `expected ${this.deps.brokerId} or empty string`);
        return describeBrokerConfig(config, keys);
      case ResourceType.BROKER_LOGGER:
        if (name === '') throw new AdminError(ErrorCode.INVALID_REQUEST, 'Broker id must not be empty');
        this.requireOwnId(name, 'Broker', `expected ${this.deps.brokerId}`);
        return [];
      default:
        // Kafka's own reason stays in its log.
        throw new AdminError(ErrorCode.INVALID_REQUEST, errorMessage(ErrorCode.INVALID_REQUEST));
    }
  }

  private requireOwnId(name: string, kind: 'Broker' | 'Node', expected: string): void {
    if (!/^[+-]?\d+$/.test(name)) {
      throw new AdminError(ErrorCode.INVALID_REQUEST, `${kind} id must be an integer, but it is: ${name}`);
    }
    if (Number(name) !== this.deps.brokerId) {
      throw new AdminError(ErrorCode.INVALID_REQUEST, `Unexpected broker id, ${expected}, but received ${name}`);
    }
  }
}

function refuseNulls(names: readonly string[]): void {
  if (names.length > 0)
    throw new AdminError(ErrorCode.INVALID_REQUEST, `Null value not supported for : ${names.join(', ')}`);
}

/** Changes `config` by one operation (`ZkAdminManager.prepareIncrementalConfigs`). */
function applyOp(config: Map<string, string>, { name, configOperation, value }: IncrementalOp): void {
  switch (configOperation) {
    case OpType.SET:
      config.set(name, value!);
      return;
    case OpType.DELETE:
      config.delete(name);
      return;
    case OpType.APPEND: {
      const old = listOf(config, name, 'append');
      config.set(name, [...old, ...value!.split(',').filter((item) => !old.includes(item))].join(','));
      return;
    }
    case OpType.SUBTRACT: {
      const taken = value!.split(',');
      config.set(
        name,
        listOf(config, name, 'subtract')
          .filter((item) => !taken.includes(item))
          .join(','),
      );
      return;
    }
    default:
      // Kafka fails on it with a NullPointerException, and so answers this.
      throw new AdminError(ErrorCode.UNKNOWN_SERVER_ERROR);
  }
}

function listOf(config: ReadonlyMap<string, string>, name: string, operation: string): string[] {
  const definition = topicDefinitionOf(name);
  if (!definition) throw new AdminError(ErrorCode.INVALID_CONFIG, `Unknown config name: ${name}`);
  if (definition.type !== 'list') {
    throw new AdminError(ErrorCode.INVALID_CONFIG, `Config value ${operation} is not allowed for config key: ${name}`);
  }
  const text = config.get(name) ?? valueToText(definition.default, 'list') ?? '';
  return text === '' ? [] : text.split(',');
}

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
