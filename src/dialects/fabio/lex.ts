/** A stretch of a tag with its place, in UTF-16 units. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** One option of a tag: `key=value`, or a bare key. */
export interface Option {
  readonly key: string;
  readonly value: string;
  readonly token: Token;
}

/** A Fabio tag in its pieces. */
export interface LexedTag {
  readonly leadingBlank: boolean;
  /** Everything up to the first blank; empty where nothing stands after the prefix. */
  readonly route: Token;
  readonly options: readonly Option[];
}

/**
 * Cuts a tag as Fabio does (fabiolb/fabio:registry/consul/routecmd.go): blanks around the tag and behind the prefix are dropped, the
 * first blank ends the route, further blanks separate options; a value is everything after the first `=`. Undefined: not our prefix.
 */
export function lexTag(tag: string, prefix: string): LexedTag | undefined {
  const begin = tag.length - tag.trimStart().length;
  if (!tag.startsWith(prefix, begin)) return undefined;
  const words = [...tag.slice(begin + prefix.length).matchAll(/[^ ]+/g)].map(({ 0: text, index }): Token => {
    const start = begin + prefix.length + index;
    return { text, start, end: start + text.length };
  });
  const [route = { text: '', start: begin, end: tag.length }, ...options] = words;
  return { leadingBlank: begin > 0, route, options: options.map(optionOf) };
}

function optionOf(token: Token): Option {
  const equals = token.text.indexOf('=');
  if (equals < 0) return { key: token.text, value: '', token };
  return { key: token.text.slice(0, equals), value: token.text.slice(equals + 1), token };
}
