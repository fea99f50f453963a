import type { DiagnosticCode, Severity } from '../../model/codes.ts';
import type { Fault } from '../../model/intent.ts';
import type { Option, Token } from './lex.ts';

/** Something to report at one piece of a tag. */
export interface Note {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly token: Token;
  readonly hint?: string;
  readonly severity?: Severity;
  /** Present: the route cannot be served as asked and answers 503. */
  readonly fault?: Fault['kind'];
}

/** What a part of a tag asks for, and what is to be said about it. */
export interface Read<T> {
  readonly value: T;
  readonly notes: readonly Note[];
}

/** A note at an option. */
export function noteAt(
  { token }: Option,
  code: DiagnosticCode,
  message: string,
  extra: Pick<Note, 'hint' | 'fault' | 'severity'> = {},
): Note {
  return { code, message, token, ...extra };
}

/** A note at an option that costs its route. */
export function refuse(option: Option, code: DiagnosticCode, message: string): Note {
  return noteAt(option, code, message, { fault: 'quarantined' });
}
