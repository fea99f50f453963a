/** Text of a stranger made safe for a terminal or a log: everything but printable ASCII as a visible escape. */
export function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, escaped);
}

/** A count with its noun, which has a plural in `s`: `1 place`, `2 places`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * The same that leaves letters, digits and signs of all scripts as they are that a terminal shows from left to right, each in a place of its
 * own.
 */
export function printable(text: string): string {
  return text.replace(NOT_PRINTABLE, escaped);
}

/** Control characters, what changes the direction or is not seen, marks that join others, and scripts from right to left. */
const NOT_PRINTABLE =
  /[^[\p{L}\p{N}\p{P}\p{S} ]--[\p{DI}\u2800\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]]/gv;

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A name for people made of `[a-z0-9-]`, at most 40 characters, never empty. Not unique: put a hash behind it. */
export function slug(text: string): string {
  const cut = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return cut === '' ? 'x' : cut;
}

/** True when every character is ASCII. */
export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the whole ASCII range is meant
  return /^[\x00-\x7f]*$/.test(text);
}

/** True when the text holds a control character, DEL included. */
export function hasControl(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\x00-\x1f\x7f]/.test(text);
}
