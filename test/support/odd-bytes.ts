import type { Random } from '../../src/common/index.js';

const ODD_NUMBERS = [-1, 0, -2_147_483_649, 2_147_483_647, 4_294_967_297, 9_007_199_254_740_993, 1e300, 1.5];
const ODD_VALUES: readonly unknown[] = [null, true, '', 'oops', [], {}, [null], ['x'], { x: 1 }, ...ODD_NUMBERS];
const ODD_TEXTS = [
  '',
  ' ',
  'oops',
  '[]',
  '{}',
  'null',
  '1',
  '"x"',
  '{"version":1',
  '{"version":99}',
  '\u0000',
  '{"__proto__":{}}',
];

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * What someone may have put into a znode: nothing, no JSON, JSON of another kind, the data of another node, or its own (null when it has
 * none) with one value that cannot be, or twice, or missing.
 */
export function oddBytes(random: Random, own: Buffer | null, others: readonly Buffer[]): Buffer | null {
  switch (random.nextInt(6)) {
    case 0:
      return null;
    case 1:
      return random.nextBytes(random.nextInt(40));
    case 2:
      return Buffer.from(pick(random, ODD_TEXTS));
    case 3:
      return others.length === 0 ? null : pick(random, others);
    default:
      return own === null ? Buffer.from(JSON.stringify(pick(random, ODD_VALUES))) : spoilt(random, own);
  }
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.nextInt(items.length)]!;
}

function spoilt(random: Random, own: Buffer): Buffer {
  const text = own.toString('utf8');
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return Buffer.from(text.slice(0, random.nextInt(text.length + 1)));
  }
  if (random.nextInt(4) === 0) return Buffer.from(text.slice(0, random.nextInt(text.length + 1)));
  return Buffer.from(JSON.stringify(spoiltValue(random, json)));
}

/** One value somewhere in it is another one, is missing, or is there twice. */
function spoiltValue(random: Random, value: Json): Json {
  if (value === null || typeof value !== 'object' || random.nextInt(4) === 0) return pick(random, ODD_VALUES) as Json;
  if (Array.isArray(value)) {
    if (value.length === 0 || random.nextInt(3) === 0) return [...value, ...value, ...(value.length === 0 ? [1] : [])];
    const at = random.nextInt(value.length);
    return value.map((item, i) => (i === at ? spoiltValue(random, item) : item));
  }
  const names = Object.keys(value);
  if (names.length === 0) return pick(random, ODD_VALUES) as Json;
  const name = pick(random, names);
  const rest = { ...value };
  if (random.nextInt(3) === 0) {
    delete rest[name];
    if (random.nextInt(2) === 0) rest[`${name}1`] = value[name]!;
  } else {
    rest[name] = spoiltValue(random, value[name]!);
  }
  return rest;
}
