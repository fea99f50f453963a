import { isOneLabel, type Condition, type HostMatch, type PathMatch, type RouteMatch } from '../../../model/match.ts';
import type { RuleKind } from './matchers.ts';

/** A rule as a tree of matchers; the text is made of it once, with every value quoted. */
type Rule =
  | { readonly kind: 'call'; readonly matcher: string; readonly args: readonly string[] }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule };

/**
 * The rule of Traefik 3 for a match, or for any of several. Ports of hosts and the case of paths cannot be said and are left out; the
 * caller compares what `readRule` makes of it.
 */
export function printRule(matches: readonly RouteMatch[], kind: RuleKind): string {
  return textOf(
    joined(
      'or',
      matches.map((match) => ruleOf(match, kind)),
    ),
  );
}

const call = (matcher: string, ...args: readonly string[]): Rule => ({ kind: 'call', matcher, args });

/** Several rules as one. */
function joined(kind: 'and' | 'or', rules: readonly Rule[]): Rule {
  const [only] = rules;
  return only && rules.length === 1 ? only : { kind, rules };
}

function ruleOf({ host, path, conditions }: RouteMatch, kind: RuleKind): Rule {
  const hosts = host.kind === 'any' ? (kind === 'tcp' ? [call('HostSNI', '*')] : []) : [hostRule(host, kind)];
  const rules = [...hosts, ...(path.kind === 'any' ? [] : [pathRule(path)]), ...conditions.map((one) => conditionRule(one, kind))];
  return rules.length === 0 ? call('PathPrefix', '/') : joined('and', rules);
}

function hostRule(host: Exclude<HostMatch, { kind: 'any' }>, kind: RuleKind): Rule {
  const [exact, pattern] = kind === 'http' ? ['Host', 'HostRegexp'] : ['HostSNI', 'HostSNIRegexp'];
  if (host.kind === 'exact') return call(exact, host.host.replace(/^\[(.*)\]$/, '$1'));
  return host.kind === 'glob' && isOneLabel(host) ? call(exact, host.pattern) : call(pattern, host.regexp);
}

function pathRule(path: Exclude<PathMatch, { kind: 'any' }>): Rule {
  if (path.kind === 'regexp') return call('PathRegexp', path.regexp);
  return call(path.kind === 'exact' ? 'Path' : 'PathPrefix', path.path);
}

function conditionRule(condition: Condition, kind: RuleKind): Rule {
  switch (condition.kind) {
    case 'method':
      return call('Method', condition.method);
    case 'header':
      return call('Header', condition.name, condition.value);
    case 'headerRegexp':
      return call('HeaderRegexp', condition.name, condition.regexp);
    case 'query':
      if (condition.value === undefined) return call('QueryRegexp', condition.key, '.*');
      return condition.value === '' ? call('Query', condition.key) : call('Query', condition.key, condition.value);
    case 'queryRegexp':
      return call('QueryRegexp', condition.key, condition.regexp);
    case 'clientIp':
      return joined(
        'or',
        condition.cidrs.map((cidr) => call('ClientIP', cidr)),
      );
    case 'alpn':
      return joined(
        'or',
        condition.protocols.map((protocol) => call('ALPN', protocol)),
      );
    case 'host':
      return hostRule(condition.host, kind);
    case 'path':
      return pathRule(condition.path);
    case 'not':
      return { kind: 'not', rule: conditionRule(condition.condition, kind) };
    default:
      throw new TypeError(`Cannot print a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

function textOf(rule: Rule): string {
  switch (rule.kind) {
    case 'call':
      return `${rule.matcher}(${rule.args.map(quoted).join(', ')})`;
    case 'not':
      return rule.rule.kind === 'call' ? `!${textOf(rule.rule)}` : `!(${textOf(rule.rule)})`;
    case 'and':
      return rule.rules.map((part) => (part.kind === 'or' ? `(${textOf(part)})` : textOf(part))).join(' && ');
    case 'or':
      return rule.rules.map(textOf).join(' || ');
    default:
      throw new TypeError(`Cannot print a rule: ${JSON.stringify(rule satisfies never)}`);
  }
}

/** Backticks where they do; a Go string where the value holds one. */
function quoted(value: string): string {
  return value.includes('`') ? `"${value.replace(/["\\]/g, '\\$&')}"` : `\`${value}\``;
}
