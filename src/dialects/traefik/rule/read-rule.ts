import { compareText } from '../../../lib/sort.ts';
import { ANY_HOST, ANY_PATH, hostKey, type Condition, type HostMatch, type PathMatch, type RouteMatch } from '../../../model/match.ts';
import { MAX_CONJUNCTIONS, toDnf, type Literal } from './dnf.ts';
import { lexRule, type RuleProblem } from './lexer.ts';
import { matcherName, readMatcher, type Atom, type RuleKind } from './matchers.ts';
import { callsOf, isRuleProblem, parseRule, type Call, type RuleNode } from './parser.ts';

/** The conjunctions of a rule that can match, in its order, and what is wrong with it. */
export interface ReadRule {
  readonly matches: readonly RouteMatch[];
  readonly problems: readonly RuleProblem[];
  /** The default priority of its router (traefik/traefik:pkg/muxer GetRulePriority). */
  readonly priority: number;
  /** The first server name of a TCP rule, which decides whether it may stand without TLS. */
  readonly serverName?: string;
}

/** How a rule is read. `v2`: it says that it is of Traefik 2. */
export interface RuleOptions {
  readonly kind: RuleKind;
  readonly v2?: boolean;
}

/** Reads a rule of Traefik 3. One that cannot be read gives no match at all; parts that can never match are left out. */
export function readRule(rule: string, options: RuleOptions): ReadRule {
  const { kind, v2 = false } = options;
  const tokens = lexRule(rule);
  if (isRuleProblem(tokens)) return failed(tokens, rule);
  const parsed = parseRule(tokens);
  if (isRuleProblem(parsed)) return failed(parsed, rule);
  const whole = { start: 0, end: rule.length };
  const tree = v2 ? fromV2(parsed) : parsed;
  const strange = v2 ? callsOf(tree).find((call) => !SAME_IN_V2.has(matcherName(call, kind) ?? '')) : undefined;
  if (strange) {
    const message = `Cannot read matcher "${strange.name.text}" as Traefik 2 means it`;
    return failed({ code: 'TRAEFIK_RULE_V2', message, start: strange.start, end: strange.end, hint: 'Write the rule for v3' }, rule);
  }
  const conjunctions = toDnf(tree);
  if (!conjunctions) {
    const message = `Cannot serve the rule: it has too many alternatives, expected at most ${MAX_CONJUNCTIONS}`;
    return failed({ code: 'TRAEFIK_RULE_SYNTAX', message, ...whole }, rule);
  }
  const problems = new Map<number, RuleProblem>();
  const matches = conjunctions.flatMap((literals) => join(literals, kind, problems) ?? []);
  const found = [...problems.values()];
  if (found.some(({ code }) => code !== 'TRAEFIK_RULE_NEVER')) return { matches: [], problems: found, priority: rule.length };
  if (matches.length === 0 && found.length === 0)
    found.push({ code: 'TRAEFIK_RULE_NEVER', message: 'The rule never matches: its parts exclude each other', ...whole });
  const serverName = callsOf(tree).find((call) => matcherName(call, kind) === 'HostSNI')?.args[0]?.text;
  const isCatchAll = tree.kind === 'call' && serverName === '*';
  return {
    matches,
    problems: found,
    priority: isCatchAll ? -1 : rule.length,
    ...(serverName !== undefined && { serverName }),
  };
}

/** Matchers that mean the same in both versions, where no braces stand in them. */
const SAME_IN_V2: ReadonlySet<string> = new Set(['Host', 'Path', 'PathPrefix', 'Method', 'ClientIP', 'HostSNI']);

/** A rule of Traefik 2 with one value for each matcher: several values were alternatives. */
function fromV2(node: RuleNode): RuleNode {
  if (node.kind === 'not') return { kind: 'not', inner: fromV2(node.inner) };
  if (node.kind !== 'call') return { kind: node.kind, left: fromV2(node.left), right: fromV2(node.right) };
  const calls = node.args.map((arg): Call => ({ ...node, args: [arg] }));
  return calls.slice(1).reduce<RuleNode>((left, right) => ({ kind: 'or', left, right }), calls[0] ?? node);
}

function failed(problem: RuleProblem, rule: string): ReadRule {
  return { matches: [], problems: [problem], priority: rule.length };
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
