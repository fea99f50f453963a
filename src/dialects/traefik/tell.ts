import type { DiagnosticCode } from '../../model/codes.ts';
import { diagnose, type Report, type TagSpan } from '../../model/diagnostic.ts';
import type { Fault } from '../../model/intent.ts';

/** Reports a problem at a place of a label. `withholds`: its routes answer 503, which is an error whatever the code. */
export type Tell = (
  code: DiagnosticCode,
  message: string,
  span: TagSpan,
  more?: { readonly hint?: string | undefined; readonly withholds?: boolean },
) => void;

/** A `Tell` that puts its diagnostics into a report. */
export function tellerOf(report: Report): Tell {
  return (code, message, span, { hint, withholds = false } = {}) => {
    const diagnostic = diagnose(code, message, { span, hint });
    report(withholds ? { ...diagnostic, severity: 'error' } : diagnostic);
  };
}

/** A fault that no earlier form of the route may stand in for. */
export const protective = (code: DiagnosticCode): Fault => ({ kind: 'protective', code });
/** A fault whose route may be served in its last good form. */
export const quarantined = (code: DiagnosticCode): Fault => ({ kind: 'quarantined', code });

/** The fault that counts among several: the first protective one, else the first. */
export function worstFault(faults: Iterable<Fault | undefined>): Fault | undefined {
  const present = [...faults].filter((fault) => fault !== undefined);
  return present.find(({ kind }) => kind === 'protective') ?? present[0];
}

/** A part of a value, at its place in the tag. */
export function partSpan(span: TagSpan, part: { readonly start: number; readonly end: number }): TagSpan {
  return { ...span, start: span.start + part.start, end: span.start + part.end };
}
