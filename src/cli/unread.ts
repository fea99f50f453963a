import { groupBy } from '../lib/sort.ts';
import { isUnread } from '../jobfiles/job-file.ts';
import { counted, visible } from '../lib/text.ts';
import { CODES } from '../model/codes.ts';
import { EXIT } from './errors.ts';
import { placeText, type GuessedTag, type UnreadPlace } from './file-instances.ts';

/** Lines for people: each file that could not be read, with the reason; of others how many places. */
export function unreadText(unread: readonly UnreadPlace[]): readonly string[] {
  return [...groupBy(unread, ({ file }) => file)].map(([file, places]) => {
    const [first] = places;
    const isWhole = first && (isUnread(first) || first.code === 'FILE_LINK');
    if (isWhole) return visible(`Not looked at: ${placeText(first)}: ${first.message}`);
    return `Not looked at: ${counted(places.length, 'place')} of ${visible(file)}, which migrate plan lists by hand`;
  });
}

/** Lines for people about tags of which something was supposed: some of them, and what was. */
export function guessedText(guessed: readonly GuessedTag[]): readonly string[] {
  const [first] = guessed;
  if (!first) return [];
  const places = [...new Set(guessed.map((one) => `${placeText(one)} (${one.tag})`))];
  const more = places.length > SHOWN ? ` and ${places.length - SHOWN} more` : '';
  const head = `${first.code} Hosts that are filled in later are taken as one exact host each, whatever they will be`;
  return [visible(`${head}: ${places.slice(0, SHOWN).join(', ')}${more}. ${CODES[first.code].hint}`)];
}

const SHOWN = 5;

/** A value for machines whose texts say what is filled in later as the files have it. */
export function withTextsAsWritten(value: unknown, asWritten: (text: string) => string): unknown {
  return JSON.parse(JSON.stringify(value), (_key, one: unknown) => (typeof one === 'string' ? asWritten(one) : one));
}

/** For the end of a last line: that it speaks of a part. */
export function unreadCount(unread: readonly UnreadPlace[]): string {
  if (unread.length === 0) return '';
  const files = new Set(unread.map(({ file }) => file)).size;
  return `; not looked at: ${counted(unread.length, 'place')} of ${counted(files, 'file')}`;
}

/**
 * The exit code of a command that looked at files: 1 where one could not be read, whatever the rest came to; 4 instead of 0 where places
 * are left for hand work.
 */
export function exitCodeFor(unread: readonly UnreadPlace[], rest: number): number {
  if (unread.some(isUnread)) return EXIT.failed;
  return rest === EXIT.ok && unread.length > 0 ? EXIT.losses : rest;
}
