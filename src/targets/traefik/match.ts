import { regexpLiteral } from '../../lib/quote.ts';
import { isOneLabel, type Condition, type HostMatch } from '../../model/match.ts';
import type { Route } from '../../model/route.ts';
import { pathRules } from './paths.ts';
import { all, call, filled, not, peerIn, type Rule } from './rule.ts';

/** The rule of an HTTP route and what else must hold. Where nothing is asked it takes every path. */
export function ruleOf({ match: { host, path, conditions }, dialect }: Pick<Route, 'match' | 'dialect'>, when: readonly Rule[] = []): Rule {
  const rules = [
    ...hostRules(host),
    ...pathRules(path, dialect),
    ...conditions.map((condition) => conditionRule(condition, dialect)),
    ...when,
  ];
  return rules.length === 0 ? call('PathPrefix', '/') : all(rules);
}

/** Whether the condition can be asked of a request. */
export function isOfRequests(condition: Condition): boolean {
  return condition.kind === 'not' ? isOfRequests(condition.condition) : condition.kind !== 'alpn';
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
      return [host.host.startsWith('[') ? hostRegexp(host.host) : call('Host', host.host), ...portRules(host.port)];
    case 'glob':
      return [call('HostRegexp', filled(globRegexp(host))), ...portRules(host.port)];
    case 'regexp':
      return [call('HostRegexp', filled(host.regexp))];
    default:
      throw new TypeError(`Cannot render a host match: ${JSON.stringify(host satisfies never)}`);
  }
}

/**
 * The expression of a pattern. A dot may end what one of Traefik's own matches, as in `Host`; that matcher itself would let the router
 * decide the TLS options of every name below.
 */
export function globRegexp(host: Extract<HostMatch, { kind: 'glob' }>): string {
  return isOneLabel(host) ? host.regexp.replace(/\$$/, '\\.?$') : host.regexp;
}

/** An exact host as a regular expression, with the dot that may end it; IP literals in brackets or without. */
function hostRegexp(host: string): Rule {
  return call('HostRegexp', host.startsWith('[') ? `^\\[?${regexpLiteral(host.slice(1, -1))}\\]?$` : `^${regexpLiteral(host)}\\.?$`);
}

function portRules(port: number | 'any' | 'own'): readonly Rule[] {
  return typeof port === 'number' ? [call('HeaderRegexp', 'X-Forwarded-Host', `:${port}$`)] : [];
}

function conditionRule(condition: Condition, dialect: Route['dialect']): Rule {
  switch (condition.kind) {
    case 'method':
      return call('Method', condition.method);
    case 'header':
      // no value of a matcher may be empty
      return condition.value === '' ? call('HeaderRegexp', condition.name, '^$') : call('Header', condition.name, condition.value);
    case 'headerRegexp':
      return call('HeaderRegexp', condition.name, filled(condition.regexp));
    case 'query':
      return queryRule(condition);
    case 'queryRegexp':
      return call('QueryRegexp', condition.key, filled(condition.regexp));
    case 'alpn':
      throw new RangeError('Cannot match alpn: it belongs to connections');
    case 'clientIp':
      return peerIn(condition.cidrs);
    case 'host':
      // Traefik 3.7.9 lets a router decide the TLS options of every name in its `Host`, denied ones too
      return condition.host.kind === 'exact'
        ? all([hostRegexp(condition.host.host), ...portRules(condition.host.port)])
        : all(hostRules(condition.host));
    case 'path':
      return all(pathRules(condition.path, dialect));
    case 'not':
      return not(conditionRule(condition.condition, dialect));
    default:
      throw new TypeError(`Cannot render a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

/** Traefik's `Query` with a key alone asks for an empty value. */
function queryRule({ key, value }: Extract<Condition, { kind: 'query' }>): Rule {
  if (value === undefined) return call('QueryRegexp', key, '.*');
  return value === '' ? call('Query', key) : call('Query', key, value);
}
