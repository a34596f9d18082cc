/** Requests whose work is out of proportion: for each array of each API, one that holds nothing but elements of it. */
import type { ApiDescription } from '../../src/protocol/index.js';
import { isIn } from '../../src/protocol/versions.js';

type Shape = ApiDescription['request']['shape'];
type Field = Shape['fields'][string];

export interface VastRequest {
  /** `Metadata v12 topics` */
  readonly what: string;
  readonly api: ApiDescription;
  readonly version: number;
  readonly body: object;
}

/** What the elements are called: all the same, each another, or what there is. */
export type Naming = 'same' | 'distinct' | 'known';

/** A request of the API's `version` for each array of it, with `count` elements there and one wherever else an array must be. */
export function* vastRequests(
  api: ApiDescription,
  version: number,
  count: number,
  naming: Naming,
  known: { readonly topic: string; readonly topicId: string; readonly partitions: number },
): Generator<VastRequest> {
  const fill = (field: Field, name: string, at: number): unknown => valueOf(field, name, at);

  function valueOf(field: Field, name: string, at: number): unknown {
    switch (field.type) {
      case 'string':
        if (naming === 'known' && /name|topic/i.test(name)) return known.topic;
        return naming === 'distinct' ? `${name.slice(0, 1)}${at}` : 'x';
      case 'uuid':
        return naming === 'known' ? known.topicId : uuidOf(naming === 'distinct' ? at : 1);
      case 'bool':
        return false;
      case 'int64':
        return 0n;
      case 'bytes':
      case 'records':
        return Buffer.alloc(0);
      case 'array':
        return [];
      case 'struct':
        return structOf(field.struct!, at);
      case 'int8':
        return /resourceType/.test(name) ? 2 : 0;
      case 'int32':
        if (/partition/i.test(name)) return naming === 'same' ? 0 : naming === 'known' ? at % known.partitions : at;
        return 0;
      case 'int16':
      case 'uint16':
      case 'uint32':
      case 'float64':
        return 0;
    }
  }

  function structOf(shape: Shape, at: number): Record<string, unknown> {
    const fields = Object.entries(shape.fields).filter(([, field]) => isIn(field.versions, version));
    return Object.fromEntries(
      fields.filter(([, field]) => field.tagged === undefined).map(([name, field]) => [name, fill(field, name, at)]),
    );
  }

  /** Puts `count` elements at the end of the path, and one element at each array before. */
  function along(shape: Shape, path: readonly string[], at: number): Record<string, unknown> {
    const value = structOf(shape, at);
    const [name, ...rest] = path;
    const field = shape.fields[name!]!;
    const element = field.element!;
    const length = rest.length === 0 ? count : 1;
    value[name!] = Array.from({ length }, (_, index) => {
      if (typeof element === 'string') return fill({ type: element, versions: '0+' }, name!, index);
      return rest.length === 0 ? structOf(element, index) : along(element, rest, index);
    });
    return value;
  }

  function* paths(shape: Shape, before: readonly string[]): Generator<readonly string[]> {
    for (const [name, field] of Object.entries(shape.fields)) {
      if (field.type !== 'array' || field.tagged !== undefined || !isIn(field.versions, version)) continue;
      yield [...before, name];
      if (typeof field.element !== 'string') yield* paths(field.element!, [...before, name]);
    }
  }

  for (const path of paths(api.request.shape, [])) {
    const body = { ...along(api.request.shape, path, 0), ...DEADLINES };
    yield {
      what: `${api.name} v${version} ${path.join('.')} ${naming}`,
      api,
      version,
      body: Object.fromEntries(Object.entries(body).filter(([name]) => name in api.request.shape.fields)),
    };
  }
}

/** No request waits for long. */
const DEADLINES = { timeoutMs: 100, maxWaitMs: 0, acks: 1, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 };

function uuidOf(at: number): string {
  const bytes = Buffer.alloc(16, 7);
  bytes.writeUInt32BE(at, 12);
  return bytes.toString('base64url');
}
