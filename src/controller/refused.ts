/** A part of a table that the proxy has refused: as it was asked for then, and when it is tried again. Times in ms of one monotonic clock. */
export interface RefusedPart<Form> {
  readonly content: string;
  /** In which form it is served instead. */
  readonly form: Form;
  readonly refusals: number;
  readonly retryAtMs: number;
  /** It is asked for as it is wanted now, and the proxy has not said yet whether it takes it. */
  readonly isTried: boolean;
}

/** How long a part that was refused is left alone: the time doubles with each refusal. */
export const RETRY_MS = { first: 60_000, longest: 3_600_000 } as const;
/** One part is tried at a time, and so seldom that what is good hardly waits for what is not. */
export const RETRY_GAP_MS = 30_000;

/** What a proxy has refused, by name. */
export interface RefusedParts<Form> {
  readonly size: number;
  /** The form of one that is served otherwise than it is wanted. */
  formOf(name: string): Form | undefined;
  /** Takes a refusal. `lesser` says what comes after the form in which it was refused; what was only tried falls back to its own. */
  refuse(
    name: string,
    refusal: { readonly content: string; readonly nowMs: number; readonly lesser: (form: Form | undefined) => Form },
  ): void;
  /** Forgets those that are asked for otherwise now. */
  keepSame(contentOf: (name: string) => string | undefined): void;
  /** The proxy has taken what was tried. */
  accept(): void;
  /** The proxy has refused something and nobody knows what: what was tried is not asked for any more. Whether anything was. */
  takeBack(nowMs: number): boolean;
  /** Everything may be tried at once, as by another proxy. */
  forgetWaits(nowMs: number): void;
  /** When the next one may be tried; infinite where none waits. */
  nextAtMs(): number;
  /** Tries the one that is due longest. */
  retry(nowMs: number): void;
}

/** Nothing was refused yet. */
export function createRefusedParts<Form>(): RefusedParts<Form> {
  const parts = new Map<string, RefusedPart<Form>>();
  const waiting = (): readonly (readonly [string, RefusedPart<Form>])[] => [...parts].filter(([, { isTried }]) => !isTried);
  const takenBack = (part: RefusedPart<Form>, nowMs: number): RefusedPart<Form> => {
    const refusals = part.refusals + 1;
    return { ...part, isTried: false, refusals, retryAtMs: nowMs + waitMs(refusals) };
  };
  return {
    get size() {
      return parts.size;
    },
    formOf(name) {
      const part = parts.get(name);
      return part?.isTried ? undefined : part?.form;
    },
    refuse(name, { content, nowMs, lesser }) {
      const known = parts.get(name);
      const before = known?.content === content ? known : undefined;
      const refusals = before?.refusals ?? 1;
      const lessServed = { content, form: lesser(before?.form), refusals, retryAtMs: nowMs + waitMs(refusals), isTried: false };
      parts.set(name, before?.isTried ? takenBack(before, nowMs) : lessServed);
    },
    keepSame(contentOf) {
      for (const [name, { content }] of parts) if (contentOf(name) !== content) parts.delete(name);
    },
    accept() {
      for (const [name, { isTried }] of parts) if (isTried) parts.delete(name);
    },
    takeBack(nowMs) {
      const tried = [...parts].filter(([, { isTried }]) => isTried);
      for (const [name, part] of tried) parts.set(name, takenBack(part, nowMs));
      return tried.length > 0;
    },
    forgetWaits(nowMs) {
      for (const [name, part] of waiting()) parts.set(name, { ...part, refusals: 1, retryAtMs: nowMs });
    },
    nextAtMs: () => Math.min(...waiting().map(([, { retryAtMs }]) => retryAtMs)),
    retry(nowMs) {
      const [first] = waiting().toSorted(([, a], [, b]) => a.retryAtMs - b.retryAtMs);
      if (first && first[1].retryAtMs <= nowMs) parts.set(first[0], { ...first[1], isTried: true });
    },
  };
}

function waitMs(refusals: number): number {
  return Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** Math.min(refusals - 1, 20));
}
