import type { Node, Token } from './ast.ts';

/** Words of ours: directive names, placeholders, addresses, numbers. */
const WORD = /^[A-Za-z0-9_.,:;/@*&()|{}[\]~=<>+-]+$/;
/** What Caddy would replace before or after it reads the file. */
const EXPANDED = /\{\$|\{env\.|\{file\.|\{\{|\{system\./;

/**
 * A token as it stands in a Caddyfile. Texts stand in backticks, where nothing is an escape (caddyserver/caddy:caddyconfig/caddyfile/
 * lexer.go). Throws `RangeError` for what no form of quoting makes safe: it is a fault of the emitter to have let it come here.
 */
export function printToken(token: Token): string {
  if (token.kind === 'word') {
    if (!isWord(token.word)) throw new RangeError(`Cannot print ${JSON.stringify(token.word)} as a word of a Caddyfile`);
    return token.word;
  }
  if (!canQuote(token.text))
    throw new RangeError(`Cannot print ${JSON.stringify(token.text)} in a Caddyfile: it holds what cannot be quoted`);
  return `\`${token.text}\``;
}

/** Whether a node and all within can be printed: texts of strangers may hold what no form of quoting makes safe. */
export function canPrint({ tokens, block }: Node): boolean {
  const [first] = tokens;
  // at the beginning of a line Caddy reads a file for it, in quotes too (caddyserver/caddy:caddyconfig/caddyfile/parse.go)
  if (first?.kind === 'text' && first.text === 'import') return false;
  const printable = tokens.every((token) => (token.kind === 'word' ? isWord(token.word) : canQuote(token.text)));
  return printable && (block ?? []).every(canPrint);
}

/** Whether a text can be a word of ours: addresses of instances are words, and none of our own placeholders is of these. */
function isWord(value: string): boolean {
  return WORD.test(value) && !EXPANDED.test(value);
}

function canQuote(value: string): boolean {
  return /^[ -~]*$/.test(value) && !value.includes('`') && !EXPANDED.test(value);
}

/** Literal text for a value that Caddy expands placeholders in: braces are escaped. What cannot be written at all becomes a text that `canPrint` refuses. */
export function literalValue(value: string): string {
  if (!/^[ -~]*$/.test(value) || /[`\\]/.test(value) || /\{\$/.test(value)) return '\0';
  return value.replace(/[{}]/g, (brace) => `\\${brace}`);
}

/** Literal text for a URL or path that Caddy expands placeholders in: what has no place there is percent-encoded. */
export function literalUrl(value: string): string {
  return value.replace(/[{}`\\"<>^| ]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
