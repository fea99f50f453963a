import { isSlip } from '../lib/nearest.ts';

/** A shorter word is too near to others that mean something. */
const MIN_LENGTH = 6;

/**
 * Where the beginning of a tag ends that looks like a prefix with a slip in it, its separator included: a letter that is wrong, missing or
 * elsewhere, capitals, another separator, or one inside of the word. Undefined where it does not: what holds more than the word, as
 * `urlprefix2-`, is somebody else's. `hasSeparator`: the separator must be that of the prefix.
 */
export function misspeltPrefix(tag: string, prefix: string, { hasSeparator }: { readonly hasSeparator: boolean }): number | undefined {
  const word = prefix.slice(0, -1).toLowerCase();
  const [, blank = '', first = '', joint = '', second = ''] = /^(\s*)([a-z0-9]+)(?:([-_])([a-z0-9]+))?/i.exec(tag) ?? [];
  const written = first.toLowerCase();
  const isWhole = written === word || (!written.includes(word) && isSlip(written, word));
  const isJoined = !isWhole && `${written}${second}`.toLowerCase() === word;
  if (word.length < MIN_LENGTH || /[a-z0-9]$/i.test(prefix) || (!isWhole && !isJoined)) return undefined;
  const end = blank.length + first.length + (isJoined ? joint.length + second.length : 0);
  const separator = tag.charAt(end);
  const isSeparated = hasSeparator ? prefix.endsWith(separator) : !/[a-z0-9]/i.test(separator);
  return isSeparated && end + 1 < tag.length ? end + 1 : undefined;
}
