import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  APIS,
  apiOf,
  ApiKey,
  errorExceptionName,
  ErrorCode,
  errorMessage,
  errorName,
  isRetriable,
  MESSAGES,
} from '../../src/protocol/index.js';
import type { AnyMessage } from '../../src/protocol/index.js';
import type { FieldShape, StructShape } from '../../src/protocol/notation.js';

const fixtures = path.join(__dirname, '..', '.fixtures', 'protocol');
const readJson = <T>(file: string): T => JSON.parse(fs.readFileSync(path.join(fixtures, file), 'utf8')) as T;

interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly flexibleVersions?: string;
  readonly tag?: number;
  readonly default?: unknown;
  readonly ignorable?: boolean;
  readonly mapKey?: boolean;
  readonly fields?: readonly KafkaField[];
}

interface KafkaMessage {
  readonly name: string;
  readonly type: string;
  readonly apiKey?: number;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly KafkaField[] }[];
}

let fieldCount = 0;

/** A description of ours, written as Kafka's definitions are, so that the two compare as a whole. */
function ourFields(shape: StructShape): Record<string, unknown>[] {
  return Object.entries(shape.fields).map(([name, field]) => {
    fieldCount++;
    const struct = structOf(field);
    return withoutUndefined({
      name,
      type: typeName(field),
      versions: field.versions,
      nullableVersions: field.nullable,
      taggedVersions: field.tagged,
      flexibleVersions: field.flexible,
      tag: field.tag,
      default: typeof field.default === 'bigint' ? Number(field.default) : field.default,
      ignorable: field.ignorable,
      mapKey: field.mapKey,
      fields: struct && ourFields(struct),
    });
  });
}

function structOf({ struct, element }: FieldShape): StructShape | undefined {
  return struct ?? (typeof element === 'object' ? element : undefined);
}

function typeName({ type, struct, element }: FieldShape): string {
  if (struct) return struct.name;
  return type === 'array' ? `[]${typeof element === 'object' ? element.name : element!}` : type;
}

function kafkaFields(message: KafkaMessage, fields: readonly KafkaField[]): Record<string, unknown>[] {
  return fields.map((field) => {
    const common = message.commonStructs?.find(({ name }) => name === field.type.replace('[]', ''));
    const inner = field.fields ?? common?.fields;
    return withoutUndefined({
      ...field,
      name: field.name.charAt(0).toLowerCase() + field.name.slice(1),
      fields: inner && kafkaFields(message, inner),
    });
  });
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function ourMessage(message: AnyMessage): Record<string, unknown> {
  const { min, max } = message.validVersions;
  return withoutUndefined({
    name: message.name,
    type: message.kind,
    apiKey: message.apiKey ?? undefined,
    validVersions: min === max ? `${min}` : `${min}-${max}`,
    flexibleVersions: message.flexibleVersions === null ? 'none' : `${message.flexibleVersions.min}+`,
    latestVersionUnstable: message.latestVersionUnstable || undefined,
    fields: ourFields(message.shape),
  });
}

describe('descriptions', () => {
  const names = fs.readdirSync(path.join(fixtures, 'messages')).map((file) => file.replace('.json', ''));

  test('there is one for every message of Kafka, and no other', () => {
    expect([...MESSAGES.keys()].sort()).toEqual(names.sort());
  });

  test.each(names)('%s has the fields that Kafka defines', (name) => {
    const definition = readJson<KafkaMessage>(`messages/${name}.json`);
    const { type, apiKey, validVersions, flexibleVersions, latestVersionUnstable } = definition;
    expect(ourMessage(MESSAGES.get(name)!)).toEqual(
      withoutUndefined({
        name,
        type,
        apiKey,
        validVersions,
        flexibleVersions,
        latestVersionUnstable,
        fields: kafkaFields(definition, definition.fields),
      }),
    );
  });

  afterAll(() => {
    process.stdout.write(
      `protocol descriptions: ${fieldCount} fields of ${names.length} messages as Kafka defines them\n`,
    );
  });
});

interface KafkaApi {
  readonly apiKey: number;
  readonly name: string;
  readonly advertised: boolean;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly definedMinVersion: number;
  readonly definedMaxVersion: number;
  readonly clusterAction: boolean;
  readonly requestHeaderVersions: readonly number[];
  readonly responseHeaderVersions: readonly number[];
}

test('the APIs are those of a 3.6.1 broker in ZooKeeper mode, with its versions and headers', () => {
  const { apis, notServed } = readJson<{ apis: KafkaApi[]; notServed: { apiKey: number }[] }>('apis.json');
  const facts = apis.map((api) => ({
    key: api.apiKey,
    name: api.name,
    advertised: api.advertised ? { min: api.minVersion, max: api.maxVersion } : null,
    minVersion: api.definedMinVersion,
    maxVersion: api.definedMaxVersion,
    clusterAction: api.clusterAction,
    requestHeaderVersions: api.requestHeaderVersions,
    responseHeaderVersions: api.responseHeaderVersions,
  }));
  const ours = APIS.map((api) => {
    const versions = Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, index) => api.minVersion + index);
    return {
      key: api.key,
      name: api.name,
      advertised: api.advertised,
      minVersion: api.minVersion,
      maxVersion: api.maxVersion,
      clusterAction: api.clusterAction,
      requestHeaderVersions: versions.map((version) => api.requestHeaderVersion(version)),
      responseHeaderVersions: versions.map((version) => api.responseHeaderVersion(version)),
    };
  });
  expect(ours).toEqual(facts);
  for (const api of APIS) {
    expect(apiOf(api.key)).toBe(api);
    expect(ApiKey[api.name]).toBe(api.key);
    expect([api.request.apiKey, api.response.apiKey]).toEqual([api.key, api.key]);
    expect(api.response.validVersions).toEqual(api.request.validVersions);
  }
  for (const { apiKey } of notServed) expect(apiOf(apiKey)).toBeUndefined();
});

test('the error codes are those of Kafka', () => {
  const { errors } = readJson<{
    errors: { code: number; name: string; retriable: boolean; exception: string | null }[];
  }>('errors.json');
  const ours = Object.entries(ErrorCode).map(([name, code]) => ({
    code,
    name,
    retriable: isRetriable(code),
    exception: errorExceptionName(code),
  }));
  expect(ours).toEqual(errors);
  for (const { code, name } of errors) {
    expect(errorName(code)).toBe(name);
    expect(errorMessage(code).length).toBeGreaterThan(3);
  }
  expect(errorName(9999)).toBe('UNKNOWN_SERVER_ERROR');
});
