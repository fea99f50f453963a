import { CODES, tellsOfConflict, type CodeSpec, type DiagnosticCode, type Severity } from './codes.ts';
import type { ServiceInstance } from './catalog.ts';
import type { OwnerId, ServiceName, SourceId } from './names.ts';

/** A stretch of one tag: where a statement comes from. Offsets are UTF-16 units of `tag`, end-exclusive. */
export interface TagSpan {
  readonly source: SourceId;
  readonly owner: OwnerId;
  readonly service: ServiceName;
  readonly instance: string;
  /** Position of the tag in the instance's list. */
  readonly tagIndex: number;
  /** The raw tag. */
  readonly tag: string;
  readonly start: number;
  readonly end: number;
}

/** Something a person should know about a tag, a route or a rendering. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  /** One sentence in the form «Cannot do THING: STATE, expected RANGE», no final period. */
  readonly message: string;
  readonly span?: TagSpan;
  /** What to do about it. */
  readonly hint?: string;
  /** The other sides of a conflict. */
  readonly related: readonly TagSpan[];
}

/** A value and what was noticed while it was made. The value stands even where there are errors. */
export interface Diagnosed<T> {
  readonly value: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** Where a stage puts what it notices. */
export type Report = (diagnostic: Diagnostic) => void;

/** A diagnostic of a code; severity and hint are those of the code table unless the place knows better. */
export function diagnose(
  code: DiagnosticCode,
  message: string,
  where: {
    readonly span?: TagSpan | undefined;
    readonly hint?: string | undefined;
    readonly related?: readonly TagSpan[];
    readonly severity?: Severity | undefined;
  } = {},
): Diagnostic {
  const spec: CodeSpec = CODES[code];
  const { span, hint = spec.hint, related = [], severity = spec.severity } = where;
  return { code, severity, message, related, ...(span && { span }), ...(hint !== undefined && { hint }) };
}

/** The span of (a part of) one tag of an instance; the whole tag by default. */
export function tagSpan(
  instance: ServiceInstance,
  tagIndex: number,
  start = 0,
  end: number = (instance.tags[tagIndex] ?? '').length,
): TagSpan {
  const { source, owner, service, instance: id } = instance;
  return { source, owner, service, instance: id, tagIndex, tag: instance.tags[tagIndex] ?? '', start, end };
}

/** Identity of a tag among all instances, whatever part of it a span marks. */
export function tagKey({ source, owner, service, instance, tagIndex }: TagSpan): string {
  return [source, owner, service, instance, tagIndex].join('\u0000');
}

/** Whether two sides want different things and one of them lost. */
export function isConflict({ code, severity, related }: Diagnostic): boolean {
  return tellsOfConflict(code) || (severity !== 'info' && related.length > 0);
}

/** Orders diagnostics by service, instance, tag, start, code. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [placeOf(a), placeOf(b)];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? '';
    if (value < other) return -1;
    if (value > other) return 1;
  }
  return 0;
}

function placeOf({ span, code, message }: Diagnostic): readonly (string | number)[] {
  return [span?.service ?? '', span?.instance ?? '', span?.tagIndex ?? -1, span?.start ?? -1, code, message];
}
