/** A rule as a tree: calls of matchers joined by `and`, `or`, `not`. Only the printer makes text of it. */
export type Rule =
  | { readonly kind: 'call'; readonly matcher: string; readonly args: readonly string[] }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule };

/** A matcher and its values. */
export const call = (matcher: string, ...args: readonly string[]): Rule => ({ kind: 'call', matcher, args });

/** All of these, at least one. */
export const all = (rules: readonly Rule[]): Rule => ({ kind: 'and', rules });

/** Not this. */
export const not = (rule: Rule): Rule => ({ kind: 'not', rule });

/** Connections from these blocks, which are never none. */
export function peerIn(cidrs: readonly string[]): Rule {
  return { kind: 'or', rules: cidrs.map((cidr) => call('ClientIP', cidr)) };
}

/** A regular expression as the value of a matcher, which may not be empty; an empty one holds for every text. */
export function filled(regexp: string): string {
  return regexp === '' ? '.*' : regexp;
}
