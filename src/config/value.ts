import type { ConfigDefinition, ConfigType, ConfigValue } from './definition.js';
import { splitAtCommas, trim } from './java-text.js';

/** A configuration that cannot be used. The message is Kafka's (`ConfigException`), and goes to clients as it stands. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    message: string,
    /** What a client is told, where it differs. */
    readonly clientMessage = message,
  ) {
    super(message);
  }

  /** What parts of a running broker could not go along with; `why` is Kafka's sentence, around which it puts others by mistake. */
  static notReconfigurable(why: string): ConfigError {
    const cause = `org.apache.kafka.common.config.ConfigException: ${why}`;
    return new ConfigError(why, `Invalid value ${cause} for configuration Invalid dynamic configuration`);
  }

  /** A rule that Kafka states with Scala's `require`. */
  static requirement(message: string): ConfigError {
    return new ConfigError(message, `requirement failed: ${message}`);
  }

  /** Kafka's text for one bad value. `reason` says what is allowed. */
  static invalidValue(key: string, value: ConfigValue, reason?: string, type?: ConfigType): ConfigError {
    const suffix = reason === undefined ? '' : `: ${reason}`;
    return new ConfigError(`Invalid value ${javaToString(value, type)} for configuration ${key}${suffix}`);
  }
}

const INTEGER_LIMITS = {
  short: [-0x8000n, 0x7fffn],
  int: [-0x80000000n, 0x7fffffffn],
  long: [-0x8000000000000000n, 0x7fffffffffffffffn],
} as const;

// The decimal forms of Java's Double.parseDouble; hexadecimal ones are left out.
/** In each place one way on only: a pattern that goes back takes seconds for a long text. */
const DOUBLE_PATTERN = /^[+-]?(NaN|Infinity|(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[fFdD]?)$/;

/** Turns text into a value of `type` as Kafka's `ConfigDef.parseType` does. Throws `ConfigError`. */
export function parseValue(name: string, text: string, type: ConfigType): ConfigValue {
  const trimmed = trim(text);
  switch (type) {
    case 'boolean': {
      const lower = trimmed.toLowerCase();
      if (lower === 'true') return true;
      if (lower === 'false') return false;
      throw ConfigError.invalidValue(name, text, 'Expected value to be either true or false');
    }
    case 'string':
    case 'password':
    case 'class':
      return trimmed;
    case 'list':
      return trimmed === '' ? [] : splitAtCommas(trimmed);
    case 'double':
      if (!DOUBLE_PATTERN.test(trimmed)) throw notANumber(name, text, type);
      return Number(trimmed.replace(/(?<=[\d.])[fFdD]$/, ''));
    case 'short':
    case 'int':
    case 'long': {
      if (!/^[+-]?\d{1,19}$/.test(trimmed)) throw notANumber(name, text, type);
      const value = BigInt(trimmed.replace('+', ''));
      const [least, most] = INTEGER_LIMITS[type];
      if (value < least || value > most) throw notANumber(name, text, type);
      return type === 'long' ? value : Number(value);
    }
  }
}

function notANumber(name: string, text: string, type: ConfigType): ConfigError {
  return ConfigError.invalidValue(name, text, `Not a number of type ${type.toUpperCase()}`);
}

/** Checks a parsed value against its definition, in the order and words of Kafka's validators. Throws `ConfigError`. */
export function checkValue(name: string, value: ConfigValue, definition: ConfigDefinition): void {
  const { min, max, validValues, validItems, validator, nonEmpty } = definition;
  const refuse = (reason: string, found: ConfigValue = value): never => {
    throw ConfigError.invalidValue(name, found, reason, definition.type);
  };
  if (min !== undefined || max !== undefined) {
    if (value === null) refuse('Value must be non-null');
    const number = Number(value);
    if (min !== undefined && number < min) refuse(`Value must be at least ${min}`);
    if (max !== undefined && number > max) refuse(`Value must be no more than ${max}`);
  }
  if (validValues && !validValues.includes(value as string)) refuse(`String must be one of: ${validValues.join(', ')}`);
  if (validItems && Array.isArray(value)) {
    for (const item of value as readonly string[]) {
      if (!validItems.includes(item)) refuse(`String must be one of: ${validItems.join(', ')}`, item);
    }
  }
  if (nonEmpty && value === '') refuse('String must be non-empty');
  const wrong = validator?.check(name, value);
  if (wrong !== undefined && wrong !== null) refuse(wrong);
}

/** How Kafka writes a value where clients see it (`ConfigDef.convertToString`): what DescribeConfigs sends. */
export function valueToText(value: ConfigValue, type: ConfigType | undefined): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return value.join(',');
  return javaToString(value, type);
}

/** A double as Java prints it: `0.5`, `1.0`, `2.147483647E9`. */
export function javaDoubleToString(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  if (magnitude >= 1e-3 && magnitude < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}

function javaToString(value: ConfigValue, type: ConfigType | undefined): string {
  if (type === 'double' && typeof value === 'number') return javaDoubleToString(value);
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return String(value);
}
