/** A word of a Caddyfile line: `word` is ours and stands as it is; `text` may hold anything printable and is quoted. */
export type Token = { readonly kind: 'word'; readonly word: string } | Text;

/** A text from elsewhere. */
export interface Text {
  readonly kind: 'text';
  readonly text: string;
}

/** One directive, matcher or site: its line, and what stands in its block. */
export interface Node {
  readonly tokens: readonly Token[];
  readonly block?: readonly Node[];
  /** The unit that answers for these lines when the proxy refuses one. */
  readonly unit?: string;
}

/**
 * What a route needs beside its directives: matchers that stand at the top of its site, and what is done there where a directive fails
 * without an answer of its own, with the matchers of that.
 */
export interface Handler {
  readonly matchers: readonly Node[];
  readonly directives: readonly Node[];
  readonly failures?: readonly Node[];
}

/** A line of our own words and quoted texts; strings are words. */
export function line(...parts: readonly (string | Token)[]): Node {
  return { tokens: parts.map((part) => (typeof part === 'string' ? word(part) : part)) };
}

/** A line with a block. */
export function block(parts: readonly (string | Token)[], nodes: readonly Node[], unit?: string): Node {
  return { ...line(...parts), block: nodes, ...(unit !== undefined && { unit }) };
}

/** A text from elsewhere, to be quoted. */
export function text(value: string): Text {
  return { kind: 'text', text: value };
}

function word(value: string): Token {
  return { kind: 'word', word: value };
}
