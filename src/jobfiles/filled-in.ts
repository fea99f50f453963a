import type { DiagnosticCode } from '../model/codes.ts';
import type { DialectName } from '../model/route.ts';
import type { Piece, TagElement } from './job-file.ts';

/** Why a tag is left alone before anybody reads it. */
export interface HandWork {
  readonly code: Extract<DiagnosticCode, 'FILE_EXPRESSION' | 'FILE_INTERPOLATION'>;
  /** The end of a sentence. */
  readonly reason: string;
}

/** Why nobody can read a tag whose text, or a part of it, is filled in later; `dialect`: whose it is by its beginning. */
export function handWorkOf({ pieces, isExpression }: TagElement, dialect: () => DialectName | undefined): HandWork | undefined {
  if (isExpression) return { code: 'FILE_EXPRESSION', reason: 'an expression makes it, expected a string' };
  const text = withMarks(pieces);
  const reason = reasonOf(text);
  if (reason === undefined || (text.replaceAll(MARK, '') !== '' && dialect() === undefined)) return undefined;
  return { code: 'FILE_INTERPOLATION', reason };
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
