import { splitHost } from '../../lib/host.ts';
import { isInsideAny, parseIp } from '../../lib/ip.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import { describeCondition, describeHost, describePath } from '../../model/describe.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import type { MatchFailure } from '../../model/evaluation.ts';
import type { Condition, PathMatch } from '../../model/match.ts';
import type { ProxyReading, ProxyRequest } from '../../model/request.ts';
import type { DialectName, Route } from '../../model/route.ts';
import { queryValues } from './query.ts';

/** The first part of a route that does not hold for a request; undefined where the route answers. Headers are those that the proxy sees. */
export function matchFailure(route: Route, request: ProxyRequest, proxy: ProxyReading): MatchFailure | undefined {
  const { entryPoint } = request;
  const { host, path, conditions } = route.match;
  if (!carries(entryPoint, route.protocol)) return { part: 'protocol', wanted: route.protocol, found: entryPoint.protocol };
  if (!route.entryPoints.includes(entryPoint.name))
    return { part: 'entryPoint', wanted: route.entryPoints.join(' '), found: entryPoint.name };
  const asked = route.protocol === 'http' ? request : { ...request, host: request.sni ?? splitHost(request.host).name };
  const part = proxy.hostProblem(host, asked, route.dialect);
  if (part !== undefined) return { part, wanted: describeHost(host), found: asked.host };
  const context = { request, proxy, dialect: route.dialect };
  if (route.protocol === 'http' && !pathFits(path, context))
    return { part: 'path', wanted: describePath(path), found: seenPath(path, context) };
  const failing = conditions.find((condition) => !conditionHolds(condition, context));
  if (failing) return { part: 'condition', wanted: describeCondition(failing), found: describeFound(failing, request) };
  const passed = proxy.passesOn(route, request);
  return passed === undefined ? undefined : { part: 'target', wanted: 'another URL than its own', found: passed };
}

/** Whether routes of a protocol are asked at an entry point: where TLS comes in, its server name is looked at first. */
function carries({ protocol, tls }: EntryPoint, wanted: Route['protocol']): boolean {
  return wanted === protocol || (wanted === 'tcp' && protocol === 'http' && tls);
}

function seenPath(path: PathMatch, { proxy, request, dialect }: Context): string {
  return proxy.matchedPath(request.url, { path, dialect });
}

function pathFits(path: PathMatch, context: Context): boolean {
  const seen = seenPath(path, context);
  switch (path.kind) {
    case 'any':
      return true;
    case 'exact':
      return path.ignoreCase ? sameCase(seen) === sameCase(path.path) : seen === path.path;
    case 'prefix':
      return path.ignoreCase ? sameCase(seen).startsWith(sameCase(path.path)) : seen.startsWith(path.path);
    case 'regexp':
      return compileRegexp(path.regexp).test(seen);
    default:
      throw new TypeError(`Cannot compare a path: ${JSON.stringify(path satisfies never)}`);
  }
}

function sameCase(text: string): string {
  return text.toLowerCase();
}

/** What is asked of whom, and in whose words a match was written. */
interface Context {
  readonly request: ProxyRequest;
  readonly proxy: ProxyReading;
  readonly dialect: DialectName;
}

function conditionHolds(condition: Condition, asked: Context): boolean {
  const { request, proxy, dialect } = asked;
  switch (condition.kind) {
    case 'method':
      return request.method === condition.method.toUpperCase();
    case 'header':
      return headerValues(request, condition.name).includes(condition.value);
    case 'headerRegexp':
      return headerValues(request, condition.name).some((value) => compileRegexp(condition.regexp).test(value));
    case 'query': {
      const values = queryValues(request.url.query, condition.key);
      return condition.value === undefined ? values.length > 0 : values.includes(condition.value);
    }
    case 'queryRegexp':
      return proxy
        .comparedValues(queryValues(request.url.query, condition.key), request.url.query)
        .some((value) => compileRegexp(condition.regexp).test(value));
    case 'clientIp': {
      const ip = parseIp(request.ip);
      return ip !== undefined && isInsideAny(ip, condition.cidrs);
    }
    case 'alpn':
      return false;
    case 'host':
      return proxy.hostProblem(condition.host, request, dialect) === undefined;
    case 'path':
      return pathFits(condition.path, asked);
    case 'not':
      return !conditionHolds(condition.condition, asked);
    default:
      throw new TypeError(`Cannot test a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

/** What the request has in the place that a condition looks at. */
function describeFound(condition: Condition, request: ProxyRequest): string {
  switch (condition.kind) {
    case 'method':
      return request.method;
    case 'header':
    case 'headerRegexp':
      return headerValues(request, condition.name).join(', ') || 'no such header';
    case 'query':
    case 'queryRegexp':
      return queryValues(request.url.query, condition.key).join(', ') || 'no such key';
    case 'clientIp':
      return request.ip;
    case 'alpn':
      return 'unknown protocols';
    case 'host':
      return request.host;
    case 'path':
      return request.url.path;
    case 'not':
      return describeFound(condition.condition, request);
    default:
      throw new TypeError(`Cannot describe a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

function headerValues({ headers }: ProxyRequest, wanted: string): readonly string[] {
  return headers.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase()).map(({ value }) => value);
}
