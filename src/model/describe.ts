import { hostKey, type Condition, type HostMatch, type PathMatch } from './match.ts';
import type { Route } from './route.ts';

/** The request that a route answers, in words. */
export function describeMatch({ match, protocol }: Route): string {
  const conditions = match.conditions.map((condition) => ` and ${describeCondition(condition)}`);
  return `${protocol === 'http' ? '' : `${protocol} `}${describeHost(match.host)}${describePath(match.path)}${conditions.join('')}`;
}

/** A condition in words. */
export function describeCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'method':
      return condition.method;
    case 'header':
      return `${condition.name}: ${condition.value}`;
    case 'headerRegexp':
      return `${condition.name}: ~${condition.regexp}`;
    case 'query':
      return `?${condition.key}${condition.value === undefined ? '' : `=${condition.value}`}`;
    case 'queryRegexp':
      return `?${condition.key}=~${condition.regexp}`;
    case 'alpn':
      return `alpn ${condition.protocols.join(' ')}`;
    case 'clientIp':
      return `from ${condition.cidrs.join(' ')}`;
    case 'host':
      return describeHost(condition.host);
    case 'path':
      return describePath(condition.path);
    case 'not':
      return `not ${describeCondition(condition.condition)}`;
    default:
      throw new TypeError(`Cannot describe a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

/** A host part as tags write it; `*` for every host. */
export function describeHost(host: HostMatch): string {
  if (host.kind === 'any') return '*';
  return host.kind === 'exact' ? hostKey(host).slice(1) : host.kind === 'glob' ? host.pattern : `~${host.regexp}`;
}

/** A path part in words; `/` for every path. */
export function describePath(path: PathMatch): string {
  switch (path.kind) {
    case 'any':
      return '/';
    case 'exact':
      return `${path.path} exactly`;
    case 'prefix':
      return path.path;
    case 'regexp':
      return ` ~${path.regexp}`;
    default:
      throw new TypeError(`Cannot describe a path: ${JSON.stringify(path satisfies never)}`);
  }
}

/** What a route does after its middlewares, in words. */
export function describeAction({ action }: Route): string {
  if (action.kind === 'respond') return `${action.status} ${action.reason}`;
  return action.kind === 'redirect' ? `redirect ${action.redirect.status}` : 'forward';
}
