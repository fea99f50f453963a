import { diagnose, type Report } from '../model/diagnostic.ts';
import type { DiagnosticCode } from '../model/codes.ts';
import type { RouteIntent } from '../model/intent.ts';

/** What tags of a dialect cannot say, or say differently. */
export interface Loss {
  readonly kind: 'unsupported' | 'approximated';
  /** A sentence without its beginning «Cannot say …» or «Said …». */
  readonly what: string;
  /** Nothing of the route can be said: no tag is written for it. */
  readonly whole?: true;
}

/** The nearest thing that a dialect can say, and what is lost on the way. */
export interface Said<T> {
  readonly value: T;
  readonly losses: readonly Loss[];
}

/** Something said without loss. */
export function said<T>(value: T): Said<T> {
  return { value, losses: [] };
}

/** Something said in another way. */
export function nearly<T>(value: T, what: string): Said<T> {
  return { value, losses: [{ kind: 'approximated', what }] };
}

/** Something said without a part. */
export function without<T>(value: T, what: string): Said<T> {
  return { value, losses: [{ kind: 'unsupported', what }] };
}

/** Something that costs its route. */
export function unsaid<T>(value: T, what: string): Said<T> {
  return { value, losses: [{ kind: 'unsupported', what, whole: true }] };
}

/** Whether nothing of a route can be said. */
export function isWhole(losses: readonly Loss[]): boolean {
  return losses.some(({ whole }) => whole);
}

/** Reports losses at the first tag of an intent; where the whole route is lost, only why. */
export function reportLosses(
  { spans: [span] }: Pick<RouteIntent, 'spans'>,
  losses: readonly Loss[],
  { dialect, report }: { readonly dialect: 'FABIO' | 'HIND'; readonly report: Report },
): void {
  const whole = losses.find((loss) => loss.whole);
  const name = dialect === 'FABIO' ? 'Fabio' : 'HinD';
  for (const { kind, what } of whole ? [whole] : losses) {
    const code: DiagnosticCode = `${dialect}_${kind === 'unsupported' ? 'UNSUPPORTED' : 'APPROXIMATED'}`;
    const message = kind === 'approximated' ? `A ${name} tag says this differently: ${what}` : `Cannot say this in a ${name} tag: ${what}`;
    report(diagnose(code, whole ? `${message}; no tag is written` : message, { span }));
  }
}
