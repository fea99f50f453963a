import type { Call, RuleNode } from './parser.ts';

/** A matcher, or its opposite. */
export interface Literal {
  readonly call: Call;
  readonly negated: boolean;
}

/** The most conjunctions that one rule may become. */
export const MAX_CONJUNCTIONS = 64;

/** A rule as a disjunction of conjunctions, in the rule's order; undefined where that takes more than `MAX_CONJUNCTIONS`. */
export function toDnf(node: RuleNode, negated = false): readonly (readonly Literal[])[] | undefined {
  if (node.kind === 'call') return [[{ call: node, negated }]];
  if (node.kind === 'not') return toDnf(node.inner, !negated);
  const left = toDnf(node.left, negated);
  const right = left && toDnf(node.right, negated);
  if (!left || !right) return undefined;
  const joins = (node.kind === 'and') !== negated;
  const count = joins ? left.length * right.length : left.length + right.length;
  if (count > MAX_CONJUNCTIONS) return undefined;
  return joins ? left.flatMap((a) => right.map((b) => [...a, ...b])) : [...left, ...right];
}
