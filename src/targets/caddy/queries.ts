import { regexpLiteral } from '../../lib/quote.ts';
import type { Condition } from '../../model/match.ts';
import { line, text, type Node } from './ast.ts';

/**
 * The lines that hold where a key of the query has a value, or any. The query is compared as it was sent: Caddy's own matcher reads
 * nothing of a query that has a part which cannot be read, and its keys and values have no place for every character.
 */
export function queryLines({ key, value }: Omit<Extract<Condition, { kind: 'query' }>, 'kind'>): readonly Node[] {
  return [line('vars_regexp', SENT, text(partRegexp(key, value)))];
}

/**
 * The lines that hold where an expression matches one value of a key. Caddy gives all values of a key joined by commas: they are told apart
 * where the query has no other comma, else they are one text.
 */
export function queryRegexpLines({ key, regexp }: Omit<Extract<Condition, { kind: 'queryRegexp' }>, 'kind'>): readonly Node[] {
  const values = `ph(req, ${celText(`http.request.uri.query.${key}`)})`;
  const matches = `matches(${celText(regexp)})`;
  const told = `${values}.split(",").exists(value, value.${matches})`;
  return [...queryLines({ key }), line('expression', text(`${SENT}.matches(${celText(COMMA)}) ? ${values}.${matches} : ${told}`))];
}

const SENT = '{http.request.uri.query}';
const COMMA = '(?i),|%2c';

/** As Caddy compares the values of a key with an expression; `query`: as sent. */
export function comparedValues(values: readonly string[], query: string | undefined): readonly string[] {
  return values.length > 1 && /,|%2c/i.test(query ?? '') ? [values.join(',')] : values;
}

/** One part of a query, whatever of it is percent-encoded. Those that cannot be decoded count for nothing, and a semicolon ends one, as in Traefik. */
function partRegexp(key: string, value: string | undefined): string {
  const values = value === undefined ? '(?:=(?:[^&;%]|%[0-9A-Fa-f][0-9A-Fa-f])*)?' : value === '' ? '=?' : `=${sentRegexp(value, '&;%+#')}`;
  return `(?:^|[&;])${sentRegexp(key, '&;%+#=')}${values}(?:[&;]|$)`;
}

/** A text as it may be sent in a query; `reserved`: what means something else where it is not encoded. */
function sentRegexp(sent: string, reserved: string): string {
  return [...Buffer.from(sent)].map((byte) => byteRegexp(byte, reserved)).join('');
}

function byteRegexp(byte: number, reserved: string): string {
  const char = String.fromCharCode(byte);
  const digits = byte.toString(16).padStart(2, '0');
  const encoded = `%${digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)}`;
  if (char === ' ') return `(?:\\+|${encoded})`;
  return /[!-~]/.test(char) && !reserved.includes(char) ? `(?:${regexpLiteral(char)}|${encoded})` : encoded;
}

/** A text of an expression of Caddy's. No brace stays bare, in which Caddy would look for a placeholder. */
export function celText(value: string): string {
  return `"${value.replace(/[^ !#-[\]^_a-z|~]/gu, (char) => `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`)}"`;
}
