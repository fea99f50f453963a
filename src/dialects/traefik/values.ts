import type { ValueType } from './label-table.ts';

/** The value of a label by its type; `any` and `switch` stay text. */
export type LabelValue = string | boolean | number | readonly string[];

/** A value of a type, or undefined where the text is none. Durations are ms. */
export function parseValue(text: string, type: ValueType): LabelValue | undefined {
  switch (type) {
    case 'bool':
      return parseBool(text);
    case 'integer':
      return parseInteger(text);
    case 'duration':
      return parseDurationMs(text);
    case 'list':
      return listOf(text);
    case 'string':
    case 'switch':
    case 'any':
      return text;
    default:
      throw new TypeError(`Cannot read a value: ${JSON.stringify(type satisfies never)}`);
  }
}

/** What a value of a type must look like, for messages. */
export function expectationOf(type: ValueType): string {
  if (type === 'bool') return 'true or false';
  return type === 'integer' ? 'an integer' : 'seconds or a duration such as 10s';
}

/** Whether a text is a name that a header can have. In a file of Traefik it is a key, and one beyond 1,024 characters is no YAML. */
export function isHeaderName(text: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^`|~_-]{1,256}$/.test(text);
}

/** Go's ParseBool; undefined where the text is none. */
export function parseBool(text: string): boolean | undefined {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

/** Go's ParseInt of 64 bits; numbers beyond 2^53 lose their last digits. */
export function parseInteger(text: string): number | undefined {
  if (!/^[+-]?\d{1,30}$/.test(text)) return undefined;
  const exact = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, exact) === exact ? Math.min(Number(text), LARGEST) : undefined;
}

/** The largest float that is no more than Go's largest integer. */
const LARGEST = 2 ** 63 - 1024;
/** Go counts durations in 64 bits of ns. */
const LONGEST_MS = 9_223_372_036_854;

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** The ms of whole seconds or of a duration in Go's form (traefik/paerser:types/duration.go); undefined where the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const seconds = parseInteger(text);
  if (seconds !== undefined) return withinReach(seconds * 1000);
  if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|ms|s|m|h)){1,16}$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|ms|s|m|h)/g)];
  const sum = parts.reduce((total, [, amount, unit]) => total + Number(amount) * (UNITS_MS.get(unit ?? '') ?? 0), 0);
  return withinReach(text.startsWith('-') ? -sum : sum);
}

function withinReach(ms: number): number | undefined {
  return Math.abs(ms) <= LONGEST_MS ? ms : undefined;
}

/** A duration as a label has it: whole seconds as `30s`, else ms. */
export function printDurationMs(ms: number): string {
  return Number.isInteger(ms / 1000) ? `${ms / 1000}s` : `${ms}ms`;
}

/** The items of a comma list, trimmed as Traefik does: empty ones stay, but an empty text has none. */
export function listOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}
