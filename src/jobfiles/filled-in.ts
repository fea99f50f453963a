import type { DiagnosticCode } from '../model/codes.ts';
import type { DialectName } from '../model/route.ts';
import type { Piece, TagElement } from './job-file.ts';

/** Why a tag is left alone before anybody reads it. */
export interface HandWork {
  readonly code: Extract<DiagnosticCode, 'FILE_EXPRESSION' | 'FILE_INTERPOLATION'>;
  /** The end of a sentence. */
  readonly reason: string;
}

/**
 * The elements of a list that nobody can read, because their text or a part of it is filled in later, by their index. `dialectOf`: whose a
 * tag is by its beginning, undefined for one that is nobody's or of no interest. Labels make routes together: where one cannot be read, none
 * is; with `unknownCounts` also where an element may be a label, as all of it is filled in later.
 */
export function handWorkIn(
  elements: readonly TagElement[],
  {
    dialectOf,
    unknownCounts = false,
  }: { readonly dialectOf: (index: number) => DialectName | undefined; readonly unknownCounts?: boolean },
): Map<number, HandWork> {
  const found = new Map<number, HandWork>();
  for (const [index, element] of elements.entries()) {
    const handWork = handWorkOf(element, () => dialectOf(index));
    if (handWork) found.set(index, handWork);
  }
  const spoils = (index: number): boolean => (isUnknown(elements[index]) ? unknownCounts : dialectOf(index) === 'traefik');
  if (![...found.keys()].some(spoils)) return found;
  for (const index of elements.keys())
    if (!found.has(index) && dialectOf(index) === 'traefik')
      found.set(index, { code: 'FILE_INTERPOLATION', reason: 'another tag, with which it may make a route, is filled in later' });
  return found;
}

/** `dialect`: asked where a template alone does not decide. */
function handWorkOf(element: TagElement, dialect: () => DialectName | undefined): HandWork | undefined {
  if (element.isExpression) return { code: 'FILE_EXPRESSION', reason: 'an expression makes it, expected a string' };
  const reason = reasonOf(withMarks(element.pieces));
  if (reason === undefined || (!isUnknown(element) && dialect() === undefined)) return undefined;
  return { code: 'FILE_INTERPOLATION', reason };
}

/** Whether no character of a tag is known. */
function isUnknown(element: TagElement | undefined): boolean {
  return element?.pieces.every((piece) => typeof piece !== 'string') ?? false;
}

/** Whether a tag that can be read has a host, or a part of one, that is filled in later: whether that is a pattern nobody knows. */
export function guessesHost({ pieces }: TagElement, dialect: DialectName | undefined): boolean {
  // Traefik says with a word of its own what is a pattern
  return (dialect === 'fabio' || dialect === 'hind') && /^\s*(?:https?:\/\/)?[^/\s]*\0/.test(withMarks(pieces));
}

const MARK = '\0';

function withMarks(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : MARK)).join('');
}

function reasonOf(text: string): string | undefined {
  if (!text.includes(MARK)) return undefined;
  if (text.replaceAll(MARK, '') === '') return 'all of it is filled in later';
  if (/regex/i.test(text)) return 'its value is part of a regular expression';
  const [route = ''] = text.split(/\s/, 1);
  return /^[a-z-]*-\0$/.test(route) ? 'host and path are filled in together' : undefined;
}
