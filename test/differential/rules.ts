import type { Random } from './random.ts';

/** A rule as a tree. */
export type Rule =
  | { readonly kind: 'call'; readonly name: MatcherName; readonly values: readonly string[] }
  | { readonly kind: 'not'; readonly inner: Rule }
  | { readonly kind: 'and' | 'or'; readonly left: Rule; readonly right: Rule };

/** The matchers of http rules. */
export type MatcherName =
  | 'Host'
  | 'HostRegexp'
  | 'Path'
  | 'PathPrefix'
  | 'PathRegexp'
  | 'Method'
  | 'Header'
  | 'HeaderRegexp'
  | 'Query'
  | 'QueryRegexp'
  | 'ClientIP';

/** One matcher of a rule. */
export type Call = Extract<Rule, { kind: 'call' }>;

/** The header that tells catalogs apart where neither host nor path do. */
export const CATALOG_HEADER = 'X-Catalog';

/** Paths that rules ask for. */
export const PATHS: readonly string[] = [
  '/',
  '/a',
  '/api',
  '/api/',
  '/api/v1',
  '/api/v2/users',
  '/Foo',
  '/foo.bar',
  '/foo%20bar',
  '/x~y',
  '/@me',
  '/static/app.js',
  '/caf%C3%A9',
  '/a+b',
  '/p;q=1',
];
const PATH_REGEXPS = ['^/api', '^/api/v[0-9]+', '/users$', '\\.js$', '^/(a|api)(/|$)', '(?i)^/foo', '^/[a-z]+$', '/v\\d/', '^/x.y'];
const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'get', 'Options'];
const HEADERS: readonly (readonly [string, string])[] = [
  ['X-Tenant', 'red'],
  ['x-tenant', 'blue'],
  ['X-Env', 'prod'],
  ['Accept', 'text/html'],
  ['Content-Type', 'application/json'],
];
const HEADER_REGEXPS: readonly (readonly [string, string])[] = [
  ['X-Tenant', '^r'],
  ['X-Env', 'pro|dev'],
  ['User-Agent', 'Test/[0-9]'],
  ['X-Tenant', '^(red|blue)$'],
];
const QUERIES: readonly (readonly string[])[] = [['debug'], ['q', '1'], ['q', 'a b'], ['Q', '1'], ['mobile', 'true'], ['empty', '']];
const QUERY_REGEXPS: readonly (readonly string[])[] = [['q', '^[0-9]+$'], ['q'], ['mobile', 't|yes'], ['debug', '.*']];
const CLIENTS = ['127.0.0.1', '127.0.0.0/24', '127.0.1.0/24', '10.0.0.0/8', '127.0.0.3', '::1'];

/** The hosts of a catalog. */
export function hostsOf(catalog: string): readonly string[] {
  return [`a.${catalog}.test`, `b.${catalog}.test`, `www.a.${catalog}.test`, `x-y.${catalog}.test`, `${catalog}.test`];
}

function hostRegexps(catalog: string): readonly string[] {
  const name = `${catalog}\\.test`;
  return [`^[a-z]+\\.${name}$`, `${name}$`, `^(a|b)\\.${name}$`, `^.+\\.${name}$`, `^www\\..+${name}`, `^[a-b]\\.${catalog}.test$`];
}

/** A random rule that no request of another catalog fits. */
export function randomRule(random: Random, catalog: string): Rule {
  const rule = random.chance(0.6) ? usual(random, catalog) : tree(random, catalog, random.pick([0, 1, 1, 2, 2, 3]));
  return isConfined(rule, catalog, false) ? rule : join(random, rule, confining(random, catalog));
}

/** Hosts, then paths, then a condition, as people write them. */
function usual(random: Random, catalog: string): Rule {
  const alternatives = (one: () => Call): Rule =>
    Array.from({ length: random.pick([0, 0, 0, 1, 2]) }, one).reduce<Rule>((left, right) => ({ kind: 'or', left, right }), one());
  const path = (): Call => call(random.pick(['Path', 'PathPrefix', 'PathPrefix', 'PathPrefix']), random.pick(PATHS));
  const parts = [
    alternatives(() => confining(random, catalog)),
    ...(random.chance(0.6) ? [alternatives(path)] : []),
    ...(random.chance(0.35) ? [anyCall(random, catalog)] : []),
    ...(random.chance(0.15) ? [{ kind: 'not', inner: anyCall(random, catalog) } as const] : []),
  ];
  return parts.reduce((left, right) => ({ kind: 'and', left, right }));
}

function tree(random: Random, catalog: string, depth: number): Rule {
  if (depth === 0) return random.chance(0.7) ? confining(random, catalog) : anyCall(random, catalog);
  if (random.chance(0.15)) return { kind: 'not', inner: tree(random, catalog, depth - 1) };
  const [left, right] = [tree(random, catalog, depth - 1), tree(random, catalog, random.below(depth))];
  return { kind: random.chance(0.7) ? 'and' : 'or', left, right };
}

function join(random: Random, one: Rule, other: Rule): Rule {
  return random.chance(0.5) ? { kind: 'and', left: one, right: other } : { kind: 'and', left: other, right: one };
}

function confining(random: Random, catalog: string): Call {
  const hosts = hostsOf(catalog);
  const kind = random.pick(['host', 'host', 'host', 'host', 'wildcard', 'regexp', 'path', 'header'] as const);
  switch (kind) {
    case 'host':
      return call('Host', random.chance(0.1) ? random.pick(hosts).toUpperCase() : random.pick(hosts));
    case 'wildcard':
      return call('Host', `*.${catalog}.test`);
    case 'regexp':
      return call('HostRegexp', random.pick(hostRegexps(catalog)));
    case 'path':
      return call(random.pick(['Path', 'PathPrefix', 'PathPrefix']), `/${catalog}${random.pick(PATHS).replace(/\/$/, '')}`);
    case 'header':
      return call('Header', CATALOG_HEADER, catalog);
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

function anyCall(random: Random, catalog: string): Call {
  const kind = random.pick([
    'path',
    'path',
    'prefix',
    'prefix',
    'prefix',
    'pathRegexp',
    'method',
    'header',
    'headerRegexp',
    'query',
    'queryRegexp',
    'client',
    'host',
  ] as const);
  switch (kind) {
    case 'path':
      return call('Path', random.pick(PATHS));
    case 'prefix':
      return call('PathPrefix', random.pick(PATHS));
    case 'pathRegexp':
      return call('PathRegexp', random.pick(PATH_REGEXPS));
    case 'method':
      return call('Method', random.pick(METHODS));
    case 'header':
      return call('Header', ...random.pick(HEADERS));
    case 'headerRegexp':
      return call('HeaderRegexp', ...random.pick(HEADER_REGEXPS));
    case 'query':
      return call('Query', ...random.pick(QUERIES));
    case 'queryRegexp':
      return call('QueryRegexp', ...random.pick(QUERY_REGEXPS));
    case 'client':
      return call('ClientIP', random.pick(CLIENTS));
    case 'host':
      return call('Host', random.pick(hostsOf(catalog)));
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

function call(name: MatcherName, ...values: readonly string[]): Call {
  return { kind: 'call', name, values };
}

/** Whether every request that fits (or, `negated`, does not fit) the rule belongs to the catalog. */
function isConfined(rule: Rule, catalog: string, negated: boolean): boolean {
  if (rule.kind === 'not') return isConfined(rule.inner, catalog, !negated);
  if (rule.kind === 'call') return !negated && rule.values.some((value) => value.toLowerCase().includes(catalog));
  const parts = [isConfined(rule.left, catalog, negated), isConfined(rule.right, catalog, negated)];
  return (rule.kind === 'and') === negated ? parts.every(Boolean) : parts.some(Boolean);
}

/** The rule as text: in backticks or quotes, with and without blanks, matchers in any spelling that Traefik takes. */
export function printRule(random: Random, rule: Rule): string {
  switch (rule.kind) {
    case 'call':
      return `${spelling(random, rule.name)}(${rule.values.map((value) => quoted(random, value)).join(random.pick([',', ', ']))})`;
    case 'not':
      return random.chance(0.3) && rule.inner.kind === 'call' ? `!${printRule(random, rule.inner)}` : `!(${printRule(random, rule.inner)})`;
    default: {
      const operator = rule.kind === 'and' ? '&&' : '||';
      const blank = random.chance(0.85) ? ' ' : '';
      return `${operand(random, rule.left, rule.kind)}${blank}${operator}${blank}${operand(random, rule.right, rule.kind)}`;
    }
  }
}

function operand(random: Random, rule: Rule, around: 'and' | 'or'): string {
  const text = printRule(random, rule);
  const needed = around === 'and' && rule.kind === 'or';
  return needed || (rule.kind === 'and' && random.chance(0.3)) ? `(${text})` : text;
}

function spelling(random: Random, name: string): string {
  if (random.chance(0.93)) return name;
  return random.pick([name.toLowerCase(), name.toUpperCase()]);
}

function quoted(random: Random, value: string): string {
  return random.chance(0.1) ? `"${value.replaceAll('\\', '\\\\')}"` : `\`${value}\``;
}

/** The calls of one way to fit a rule: each with whether it must fit. */
export function oneWay(random: Random, rule: Rule, negated = false): readonly { readonly call: Call; readonly fits: boolean }[] {
  if (rule.kind === 'call') return [{ call: rule, fits: !negated }];
  if (rule.kind === 'not') return oneWay(random, rule.inner, !negated);
  const needsBoth = (rule.kind === 'and') !== negated;
  if (needsBoth) return [...oneWay(random, rule.left, negated), ...oneWay(random, rule.right, negated)];
  return oneWay(random, random.chance(0.5) ? rule.left : rule.right, negated);
}
