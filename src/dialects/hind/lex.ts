/** A stretch of a tag with its place, in UTF-16 units. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A tag as the line of a Caddyfile that HinD makes of it. */
export interface LexedTag {
  /** Site addresses, without the comma that may stand before the next one. */
  readonly addresses: readonly Token[];
  /** A word that begins with `#`, and everything behind it. */
  readonly comment?: Token;
}

/** Cuts a tag at its blanks, as Caddy's lexer cuts the line in which HinD prints it. */
export function lexTag(tag: string): LexedTag {
  const words = [...tag.matchAll(/[^ ]+/g)].map(({ 0: text, index }): Token => ({ text, start: index, end: index + text.length }));
  const hash = words.findIndex(({ text }) => text.startsWith('#'));
  const found = hash < 0 ? words : words.slice(0, hash);
  const addresses = found.map((token, index) => (index < found.length - 1 ? withoutComma(token) : token));
  const first = words[hash];
  return { addresses, ...(first && { comment: { text: tag.slice(first.start), start: first.start, end: tag.length } }) };
}

function withoutComma(token: Token): Token {
  return token.text.endsWith(',') ? { text: token.text.slice(0, -1), start: token.start, end: token.end - 1 } : token;
}
