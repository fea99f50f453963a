import { compareText } from '../../../lib/sort.ts';
import { ANY_HOST, ANY_PATH, hostKey, type Condition, type HostMatch, type PathMatch, type RouteMatch } from '../../../model/match.ts';
import { MAX_CONJUNCTIONS, toDnf, type Literal } from './dnf.ts';
import { lexRule, type RuleProblem } from './lexer.ts';
import { readMatcher, type Atom, type RuleKind } from './matchers.ts';
import { isRuleProblem, parseRule } from './parser.ts';

/** The conjunctions of a rule that can match, in its order, and what is wrong with it. */
export interface ReadRule {
  readonly matches: readonly RouteMatch[];
  readonly problems: readonly RuleProblem[];
}

/** Reads a rule of Traefik 3. One that cannot be read, or asks what is not served, gives no match at all. */
export function readRule(rule: string, kind: RuleKind): ReadRule {
  const tokens = lexRule(rule);
  if (isRuleProblem(tokens)) return failed(tokens);
  const tree = parseRule(tokens);
  if (isRuleProblem(tree)) return failed(tree);
  const whole = { start: 0, end: rule.length };
  const conjunctions = toDnf(tree);
  if (!conjunctions)
    return failed({
      code: 'TRAEFIK_RULE_SYNTAX',
      message: `Cannot serve the rule: it has too many alternatives, expected at most ${MAX_CONJUNCTIONS}`,
      ...whole,
    });
  const problems = new Map<number, RuleProblem>();
  const matches = conjunctions.flatMap((literals) => join(literals, kind, problems) ?? []);
  const found = [...problems.values()];
  if (found.some(({ code }) => code !== 'TRAEFIK_RULE_NEVER')) return { matches: [], problems: found };
  if (matches.length === 0 && found.length === 0)
    found.push({ code: 'TRAEFIK_RULE_NEVER', message: 'The rule never matches: its parts exclude each other', ...whole });
  return { matches, problems: found };
}

function failed(problem: RuleProblem): ReadRule {
  return { matches: [], problems: [problem] };
}

/** One conjunction, or undefined where it cannot match or be read. */
function join(literals: readonly Literal[], kind: RuleKind, problems: Map<number, RuleProblem>): RouteMatch | undefined {
  const hosts: HostMatch[] = [];
  const paths: PathMatch[] = [];
  const conditions: Condition[] = [];
  let possible = true;
  for (const { call, negated } of literals) {
    const read = readMatcher(call, kind);
    if (isRuleProblem(read)) problems.set(read.start, read);
    const atom: Atom = isRuleProblem(read) ? { kind: 'never' } : read;
    if (isAlways(atom)) possible &&= !negated;
    else if (atom.kind === 'never') possible &&= negated;
    else if (negated) conditions.push(...conditionOf(atom).map((condition) => ({ kind: 'not', condition }) as const));
    else if (atom.kind === 'host') hosts.push(atom.host);
    else if (atom.kind === 'path') paths.push(atom.path);
    else conditions.push(atom.condition);
  }
  const host = hosts.find((candidate) => candidate.kind === 'exact') ?? hosts[0] ?? ANY_HOST;
  const path = paths.find((candidate) => candidate.kind === 'exact') ?? paths[0] ?? ANY_PATH;
  const excluded = hosts.some((other) => other.kind === 'exact' && host.kind === 'exact' && other.host !== host.host);
  if (!possible || excluded) return undefined;
  for (const other of hosts) if (hostKey(other) !== hostKey(host)) conditions.push(...conditionOf({ kind: 'host', host: other }));
  for (const other of paths)
    if (JSON.stringify(other) !== JSON.stringify(path)) conditions.push(...conditionOf({ kind: 'path', path: other }));
  const byText = new Map(conditions.map((condition) => [JSON.stringify(condition), condition]));
  const sorted = [...byText].toSorted(([a], [b]) => compareText(a, b)).map(([, condition]) => condition);
  return { host, path, conditions: sorted };
}

function isAlways(atom: Atom): boolean {
  return (atom.kind === 'host' && atom.host.kind === 'any') || (atom.kind === 'path' && atom.path.kind === 'any');
}

function conditionOf(atom: Atom): readonly Condition[] {
  if (atom.kind === 'condition') return [atom.condition];
  if (atom.kind === 'host' && atom.host.kind !== 'any') return [{ kind: 'host', host: atom.host }];
  if (atom.kind === 'path' && atom.path.kind !== 'any') return [{ kind: 'path', path: atom.path }];
  return [];
}
