import { regexpLiteral } from '../../lib/quote.ts';
import type { Condition, HostMatch, PathMatch, RouteMatch } from '../../model/match.ts';

/** A rule as a tree: calls of matchers joined by `and`, `or`, `not`. Only the printer makes text of it. */
export type Rule =
  | { readonly kind: 'call'; readonly matcher: string; readonly args: readonly string[] }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule };

const call = (matcher: string, ...args: readonly string[]): Rule => ({ kind: 'call', matcher, args });

/** The rule of an HTTP route. Where the match asks nothing it takes every path. */
export function ruleOf({ host, path, conditions }: RouteMatch): Rule {
  const rules = [...hostRules(host), ...pathRules(path), ...conditions.map(conditionRule)];
  return rules.length === 0 ? call('PathPrefix', '/') : { kind: 'and', rules };
}

/** The rule of a TCP route: its server name, or everything; undefined where it asks for a pattern that is no server name. */
export function sniRuleOf({ host }: RouteMatch): Rule {
  if (host.kind === 'any') return call('HostSNI', '*');
  return host.kind === 'exact' ? call('HostSNI', host.host) : call('HostSNIRegexp', host.regexp);
}

/**
 * Traefik cuts the port off the host, so a numbered port is looked for in X-Forwarded-Host: its entry points set it from the request
 * (and believe it only from trusted proxies) before any rule is asked.
 */
function hostRules(host: HostMatch): readonly Rule[] {
  switch (host.kind) {
    case 'any':
      return [];
    case 'exact':
      return [exactHostRule(host.host), ...portRules(host.port)];
    case 'glob':
      return [call('HostRegexp', host.regexp), ...portRules(host.port)];
    case 'regexp':
      return [call('HostRegexp', host.regexp)];
    default:
      throw new TypeError(`Cannot render a host match: ${JSON.stringify(host satisfies never)}`);
  }
}

function exactHostRule(host: string): Rule {
  if (!host.startsWith('[')) return call('Host', host);
  return call('HostRegexp', `^\\[?${regexpLiteral(host.slice(1, -1))}\\]?$`);
}

function portRules(port: number | 'any' | 'own'): readonly Rule[] {
  return typeof port === 'number' ? [call('HeaderRegexp', 'X-Forwarded-Host', `:${port}$`)] : [];
}

function pathRules(path: PathMatch): readonly Rule[] {
  switch (path.kind) {
    case 'any':
      return [];
    case 'exact':
      return [path.ignoreCase ? call('PathRegexp', `(?i)^${regexpLiteral(path.path)}$`) : call('Path', path.path)];
    case 'prefix':
      return [path.ignoreCase ? call('PathRegexp', `(?i)^${regexpLiteral(path.path)}`) : call('PathPrefix', path.path)];
    case 'regexp':
      return [call('PathRegexp', path.regexp)];
    default:
      throw new TypeError(`Cannot render a path match: ${JSON.stringify(path satisfies never)}`);
  }
}

function conditionRule(condition: Condition): Rule {
  switch (condition.kind) {
    case 'method':
      return call('Method', condition.method);
    case 'header':
      return call('Header', condition.name, condition.value);
    case 'headerRegexp':
      return call('HeaderRegexp', condition.name, condition.regexp);
    case 'query':
      return condition.value === undefined ? call('Query', condition.key) : call('Query', condition.key, condition.value);
    case 'queryRegexp':
    case 'alpn':
      throw new RangeError(`Cannot match ${condition.kind}: it is not rendered`);
    case 'clientIp':
      return { kind: 'or', rules: condition.cidrs.map((cidr) => call('ClientIP', cidr)) };
    case 'host':
      return { kind: 'and', rules: hostRules(condition.host) };
    case 'path':
      return { kind: 'and', rules: pathRules(condition.path) };
    case 'not':
      return { kind: 'not', rule: conditionRule(condition.condition) };
    default:
      throw new TypeError(`Cannot render a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}
