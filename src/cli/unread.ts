import { groupBy } from '../lib/sort.ts';
import { visible } from '../lib/text.ts';
import { CODES } from '../model/codes.ts';
import { EXIT } from './errors.ts';
import type { GuessedTag, UnreadPlace } from './file-instances.ts';

/** Files that could not be read at all, whatever `migrate plan` could list of them. */
const WHOLE_FILES: ReadonlySet<string> = new Set(['FILE_SYNTAX', 'FILE_UNREADABLE', 'FILE_LINK']);

/** Lines for people: each file that could not be read, with the reason; of others how many places. */
export function unreadText(unread: readonly UnreadPlace[]): readonly string[] {
  return [...groupBy(unread, ({ file }) => file)].map(([file, places]) => {
    const [first] = places;
    const what = places.length === 1 ? '1 place' : `${places.length} places`;
    if (first === undefined || !WHOLE_FILES.has(first.code))
      return `Not looked at: ${what} of ${visible(file)}, which migrate plan lists by hand`;
    return visible(`Not looked at: ${file}${first.line === undefined ? '' : `:${first.line}`}: ${first.message}`);
  });
}

/** Lines for people about tags of which something was supposed: some of them, and what was. */
export function guessedText(guessed: readonly GuessedTag[]): readonly string[] {
  const [first] = guessed;
  if (!first) return [];
  const places = [...new Set(guessed.map(placeText))];
  const more = places.length > SHOWN ? ` and ${places.length - SHOWN} more` : '';
  const head = `${first.code} Hosts that are filled in later are taken as one exact host each, whatever they will be`;
  return [visible(`${head}: ${places.slice(0, SHOWN).join(', ')}${more}. ${CODES[first.code].hint}`)];
}

const SHOWN = 5;

function placeText({ file, line, tag }: GuessedTag): string {
  return `${file}${line === undefined ? '' : `:${line}`} (${tag})`;
}

/** A value for machines whose texts say what is filled in later as the files have it. */
export function withTextsAsWritten(value: unknown, asWritten: (text: string) => string): unknown {
  return JSON.parse(JSON.stringify(value), (_key, one: unknown) => (typeof one === 'string' ? asWritten(one) : one));
}

/** For the end of a last line: that it speaks of a part. */
export function unreadCount(unread: readonly UnreadPlace[]): string {
  if (unread.length === 0) return '';
  const files = new Set(unread.map(({ file }) => file)).size;
  return `; not looked at: ${unread.length} ${unread.length === 1 ? 'place' : 'places'} of ${files} ${files === 1 ? 'file' : 'files'}`;
}

/**
 * The exit code of a command that looked at files: 1 where one could not be read, whatever the rest came to; 4 instead of 0 where places
 * are left for hand work.
 */
export function exitCodeFor(unread: readonly UnreadPlace[], rest: number): number {
  if (unread.some(({ code }) => code === 'FILE_SYNTAX' || code === 'FILE_UNREADABLE')) return EXIT.failed;
  return rest === EXIT.ok && unread.length > 0 ? EXIT.losses : rest;
}
