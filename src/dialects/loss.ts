import { diagnose, type Report } from '../model/diagnostic.ts';
import type { DiagnosticCode } from '../model/codes.ts';
import type { RouteIntent } from '../model/intent.ts';
import type { DialectName } from '../model/route.ts';

/** What tags of a dialect cannot say, or say differently. */
export interface Loss {
  readonly kind: 'unsupported' | 'approximated';
  /** A sentence without its beginning «Cannot say …» or «Said …». */
  readonly what: string;
  /** What a person can do about it, where it is more than to look. */
  readonly todo?: string;
  /** Nothing of the route can be said: no tag is written for it. */
  readonly whole?: true;
  /** A code of its own. */
  readonly code?: Extract<DiagnosticCode, 'TRAEFIK_REDIRECT_STATUS'>;
}

/** The nearest thing that a dialect can say, and what is lost on the way. */
export interface Said<T> {
  readonly value: T;
  readonly losses: readonly Loss[];
}

/** A difference that a client can see. */
export function approximated(what: string, todo?: string): Loss {
  return { kind: 'approximated', what, ...(todo !== undefined && { todo }) };
}

/** A loss that costs what it is about only. */
export function unsupported(what: string, todo?: string): Loss {
  return { kind: 'unsupported', what, ...(todo !== undefined && { todo }) };
}

/** A loss that costs its route. */
export function impossible(what: string, todo?: string): Loss {
  return { ...unsupported(what, todo), whole: true };
}

/** Something said without loss. */
export function said<T>(value: T): Said<T> {
  return { value, losses: [] };
}

/** Something said in another way. */
export function nearly<T>(value: T, what: string, todo?: string): Said<T> {
  return { value, losses: [approximated(what, todo)] };
}

/** Something said without a part. */
export function without<T>(value: T, what: string, todo?: string): Said<T> {
  return { value, losses: [unsupported(what, todo)] };
}

/** Something that costs its route. */
export function unsaid<T>(value: T, what: string, todo?: string): Said<T> {
  return { value, losses: [impossible(what, todo)] };
}

/** Whether nothing of a route can be said. */
export function isWhole(losses: readonly Loss[]): boolean {
  return losses.some(({ whole }) => whole);
}

/** What no dialect says of a tag that is itself at fault. */
export function faultLosses({ fault }: Pick<RouteIntent, 'fault'>): readonly Loss[] {
  return fault ? [impossible(`its tag cannot be honoured (${fault.code})`, 'Repair the tag first')] : [];
}

/** What is lost of a path that is to be sent on as it came. */
export function rawPathLosses({ pathForm, action }: Pick<RouteIntent, 'pathForm' | 'action'>): readonly Loss[] {
  return pathForm === 'raw' && action.kind === 'forward' ? [approximated('instances get the cleaned path, not the path as sent')] : [];
}

const WORDS: Readonly<Record<DialectName, { readonly code: 'FABIO' | 'HIND' | 'TRAEFIK'; readonly in: string; readonly none: string }>> = {
  fabio: { code: 'FABIO', in: 'a Fabio tag', none: 'no tag is written' },
  hind: { code: 'HIND', in: 'a HinD tag', none: 'no tag is written' },
  traefik: { code: 'TRAEFIK', in: 'Traefik labels', none: 'no label is written' },
};

/** Reports each loss once, at the first tag of an intent, with what to do about it; where the whole route is lost, only why. */
export function reportLosses(
  { spans: [span] }: Pick<RouteIntent, 'spans'>,
  losses: readonly Loss[],
  to: DialectName,
  report: Report,
): void {
  const whole = losses.find((loss) => loss.whole);
  const distinct = new Map((whole ? [whole] : losses).map((loss) => [`${loss.kind} ${loss.what}`, loss]));
  const words = WORDS[to];
  for (const { kind, what, todo, code } of distinct.values()) {
    const isDifferent = kind === 'approximated';
    const message = isDifferent ? `In ${words.in} this is said differently: ${what}` : `Cannot say this in ${words.in}: ${what}`;
    const hint = todo ?? (isDifferent ? undefined : whole ? HINTS.whole : HINTS.part);
    const named = code ?? `${words.code}_${isDifferent ? 'APPROXIMATED' : 'UNSUPPORTED'}`;
    report(diagnose(named, whole ? `${message}; ${words.none}` : message, { span, hint }));
  }
}

const HINTS = {
  whole: 'Leave the tag as it is, beside the others: hind-proxy reads all dialects',
  part: 'Write it by hand, or leave the tag as it is: hind-proxy reads all dialects',
} as const;
