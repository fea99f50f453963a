/** A stretch of a tag with its place, in UTF-16 units. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** One option of a tag: `key=value`, or a bare key. */
export interface Option {
  readonly key: string;
  /** Everything after the first `=`; empty for a bare key. */
  readonly value: string;
  readonly bare: boolean;
  readonly token: Token;
}

/** A Fabio tag in its pieces. */
export interface LexedTag {
  readonly leadingBlank: boolean;
  /** Everything up to the first blank; empty where nothing stands after the prefix. */
  readonly route: Token;
  readonly options: readonly Option[];
  /** A tab or line break between options, which separates them like a blank. */
  readonly control?: Token;
}

/** What Go's strings.Fields and TrimSpace take for blank, as far as a tag of ASCII can hold it. */
const BLANKS = /^[\t\n\v\f\r ]*/;

/**
 * Cuts a tag as Fabio does (fabiolb/fabio:registry/consul/routecmd.go): blanks around the tag and behind the prefix are dropped, the
 * first blank ends the route, further blanks separate options; a value is everything after the first `=`. Undefined: not our prefix.
 */
export function lexTag(tag: string, prefix: string): LexedTag | undefined {
  const begin = blanksAt(tag, 0);
  if (!tag.startsWith(prefix, begin)) return undefined;
  const from = blanksAt(tag, begin + prefix.length);
  const body = tag.slice(from).replace(/[\t\n\v\f\r ]+$/, '');
  const cut = body.includes(' ') ? body.indexOf(' ') : body.length;
  const route = { text: body.slice(0, cut), start: body === '' ? begin : from, end: body === '' ? tag.length : from + cut };
  const words = [...body.slice(cut).matchAll(/[^\t\n\v\f\r ]+/g)].map(({ 0: text, index }): Token => {
    const start = from + cut + index;
    return { text, start, end: start + text.length };
  });
  const control = /[\t\n\v\f\r]/.exec(body.slice(cut));
  const at = from + cut + (control?.index ?? 0);
  return {
    leadingBlank: begin > 0,
    route,
    options: words.map(optionOf),
    ...(control && { control: { text: control[0], start: at, end: at + 1 } }),
  };
}

/** Whether every control character of a tag stands where Fabio reads a blank: around the tag or among its options. */
export function readsControls(tag: string, prefix: string): boolean {
  const lexed = lexTag(tag, prefix);
  // oxlint-disable-next-line no-control-regex -- the control characters that are no blanks
  return lexed !== undefined && !/[\0-\x1f\x7f]/.test(lexed.route.text) && !/[\0-\x08\x0e-\x1f\x7f]/.test(tag);
}

function blanksAt(text: string, from: number): number {
  return from + (BLANKS.exec(text.slice(from))?.[0].length ?? 0);
}

function optionOf(token: Token): Option {
  const equals = token.text.indexOf('=');
  if (equals < 0) return { key: token.text, value: '', bare: true, token };
  return { key: token.text.slice(0, equals), value: token.text.slice(equals + 1), bare: false, token };
}
