import type { RuleProblem, RuleToken } from './lexer.ts';

/** One matcher with its arguments. */
export interface Call {
  readonly kind: 'call';
  readonly name: RuleToken;
  readonly args: readonly RuleToken[];
  readonly start: number;
  readonly end: number;
}

/** A rule as a tree. */
export type RuleNode =
  | Call
  | { readonly kind: 'and' | 'or'; readonly left: RuleNode; readonly right: RuleNode }
  | { readonly kind: 'not'; readonly inner: RuleNode };

const MAX_DEPTH = 64;

/** The tree of a rule: `!` binds tightest, then `&&`, then `||`; or the token that does not fit. */
export function parseRule(tokens: readonly RuleToken[]): RuleNode | RuleProblem {
  let at = 0;
  const last: RuleToken = tokens.at(-1) ?? { kind: 'end', text: '', start: 0, end: 0 };
  const peek = (): RuleToken => tokens[at] ?? last;
  const take = (kind: RuleToken['kind']): RuleToken | undefined => {
    const token = peek();
    if (token.kind !== kind) return undefined;
    at += 1;
    return token;
  };
  const expected = (what: string): RuleProblem => {
    const { kind, text, start, end } = peek();
    const from = kind === 'end' ? Math.max(0, start - 1) : start;
    const found = kind === 'end' ? 'it ends' : `"${text}" stands`;
    return { code: 'TRAEFIK_RULE_SYNTAX', message: `Cannot read the rule: ${found} here, expected ${what}`, start: from, end };
  };

  const tree = either(0);
  if (isRuleProblem(tree) || peek().kind === 'end') return tree;
  return expected('`&&`, `||` or the end');

  function either(depth: number): RuleNode | RuleProblem {
    let left = both(depth);
    while (!isRuleProblem(left) && take('||')) {
      const right = both(depth);
      left = isRuleProblem(right) ? right : { kind: 'or', left, right };
    }
    return left;
  }

  function both(depth: number): RuleNode | RuleProblem {
    let left = unary(depth);
    while (!isRuleProblem(left) && take('&&')) {
      const right = unary(depth);
      left = isRuleProblem(right) ? right : { kind: 'and', left, right };
    }
    return left;
  }

  function unary(depth: number): RuleNode | RuleProblem {
    if (depth > MAX_DEPTH) return expected(`at most ${MAX_DEPTH} levels`);
    if (take('!')) {
      const inner = unary(depth + 1);
      return isRuleProblem(inner) ? inner : { kind: 'not', inner };
    }
    if (take('(')) {
      const inner = either(depth + 1);
      if (isRuleProblem(inner)) return inner;
      return take(')') ? inner : expected('`)`');
    }
    return call();
  }

  function call(): RuleNode | RuleProblem {
    const name = take('word');
    if (!name) return expected('a matcher');
    if (!take('(')) return expected('`(`');
    const args: RuleToken[] = [];
    do {
      const arg = take('string');
      if (!arg) return expected('a value in backticks');
      args.push(arg);
    } while (take(','));
    const close = take(')');
    return close ? { kind: 'call', name, args, start: name.start, end: close.end } : expected('`)`');
  }
}

/** The matchers of a rule, from left to right. */
export function callsOf(node: RuleNode): readonly Call[] {
  if (node.kind === 'call') return [node];
  return node.kind === 'not' ? callsOf(node.inner) : [...callsOf(node.left), ...callsOf(node.right)];
}

/** Whether a stage of rule reading found a problem instead of a result. */
export function isRuleProblem(value: object): value is RuleProblem {
  return 'code' in value;
}
