import { isSecondary, type EntryPointChoice } from '../../model/entry-point.ts';
import type { RouteIntent } from '../../model/intent.ts';
import type { HostMatch, PathMatch } from '../../model/match.ts';
import { protects, type Middleware } from '../../model/middleware.ts';
import type { FormatContext, TagFormatter } from '../dialect.ts';
import { ledToTls } from '../led-to-tls.ts';
import {
  approximated,
  faultLosses,
  impossible,
  isWhole,
  nearly,
  reportLosses,
  said,
  unsaid,
  unsupported,
  type Loss,
  type Said,
} from '../loss.ts';
import { joinPairs, usualKind } from '../same.ts';
import { writtenOf } from '../written.ts';
import { parseAddress } from './address.ts';
import type { HindSettings } from './dialect.ts';

/**
 * Writes intents as HinD's `https://host[:port][/path]` tags, which say a host, a port and an exact path or a prefix, and nothing else. What
 * protects a route or changes its requests costs it; a HinD with `allowIps` says its own list of addresses by itself.
 */
export function createHindFormatter({ allowIps = [] }: HindSettings = {}): TagFormatter {
  return {
    name: 'hind',
    format(intents, context, report) {
      const asked = joinPairs(
        intents.filter(({ entryPoints }) => !isSecondary(entryPoints)),
        context,
      );
      const led = ledToTls(asked, context);
      const isLed = new Set(led.values());
      const found = asked
        .filter((intent) => !led.has(intent))
        .map((intent) => ({ intent, ...sayIntent(intent, { allowIps, context, isLed: isLed.has(intent) }) }));
      for (const { intent, losses } of found) reportLosses(intent, losses, 'hind', report);
      return writtenOf(
        found.flatMap(({ intent, value: tag, losses }) => (isWhole(losses) ? [] : [{ tag, spans: spansOf(intent, led) }])),
        found.flatMap(({ intent, losses }) => (isWhole(losses) ? [{ spans: spansOf(intent, led) }] : [])),
      );
    },
  };
}

/** Where an intent stands, and those that lead to it. */
function spansOf(intent: RouteIntent, led: ReadonlyMap<RouteIntent, RouteIntent>): RouteIntent['spans'] {
  return [intent, ...[...led].flatMap(([leading, target]) => (target === intent ? [leading] : []))].flatMap(({ spans }) => spans);
}

interface Surroundings {
  readonly allowIps: readonly string[];
  readonly context: FormatContext;
  /** Plain http is led to it. */
  readonly isLed: boolean;
}

function sayIntent(intent: RouteIntent, { allowIps, context, isLed }: Surroundings): Said<string> {
  const { match, entryPoints, middlewares } = intent;
  const host = sayHost(match.host);
  const port = sayPort(entryPoints, match.host, context);
  const path = sayPath(match.path);
  const steps = middlewares.flatMap((step) => (isOwnList(step, allowIps) ? [] : stepLosses(step)));
  const losses = [...ownLosses(intent, { context, isLed }), ...host.losses, ...port.losses, ...path.losses, ...steps];
  const tag = `https://${host.value}${port.value}${path.value}`;
  return { value: tag, losses: isWhole(losses) ? losses : [...losses, ...misread(tag, match.path)] };
}

/** HinD's template prints the tag as it is: what Caddy would not take for this path must not be written. */
function misread(tag: string, path: PathMatch): readonly Loss[] {
  const read = parseAddress({ text: tag, start: 0, end: tag.length });
  const pathRead = 'problem' in read ? undefined : read.path;
  const isAsAsked =
    pathRead && (pathRead.kind === 'any' || path.kind === 'any' ? pathRead.kind === path.kind : textOf(pathRead) === textOf(path));
  return isAsAsked && !/[{}"`\\ ]/.test(tag) ? [] : [impossible(`its text would be "${tag}", which HinD reads in another way`)];
}

function textOf(path: Exclude<PathMatch, { kind: 'any' }>): string {
  return `${path.kind} ${path.kind === 'regexp' ? path.regexp : path.path}`;
}

function sayHost(host: HostMatch): Said<string> {
  if (host.kind === 'exact') return said(host.host);
  if (host.kind === 'any') return unsaid('', 'a route for every host');
  const label = /^\^(\[\^\.\]\+|\.\*|\.\+)\\\.((?:[a-z0-9_-]|\\\.)+)\$$/.exec(host.regexp);
  if (!label) return unsaid('', `the host expression "${host.regexp}"`);
  const name = `*.${(label[2] ?? '').replaceAll('\\.', '.')}`;
  return label[1] === '[^.]+' ? said(name) : nearly(name, `\`*\` of "${name}" stands for one label`);
}

function sayPort(choice: EntryPointChoice, host: HostMatch, { entryPoints }: FormatContext): Said<string> {
  const inHeader = (host.kind === 'exact' || host.kind === 'glob') && typeof host.port === 'number' ? host.port : undefined;
  const unasked = 'the port is that of the listener, not of the Host header';
  if (choice.kind === 'port') return choice.tls ? said(`:${choice.port}`) : unsaid('', `port ${choice.port} without TLS`);
  const kind = usualKind(choice, entryPoints);
  if (choice.kind === 'both' || kind === 'tls') return inHeader === undefined ? said('') : nearly(`:${inHeader}`, unasked);
  return unsaid('', kind === 'plain' ? 'plain http' : `entry points that are not ${entryPoints.tls}`);
}

function sayPath(path: PathMatch): Said<string> {
  if (path.kind === 'any') return said('');
  if (path.kind === 'regexp') return unsaid('', `the path expression "${path.regexp}"`);
  const text = path.kind === 'exact' ? path.path : `${path.path}*`;
  return path.ignoreCase ? said(text) : nearly(text, `"${path.path}" is matched in any case`);
}

function isOwnList(step: RouteIntent['middlewares'][number], allowIps: readonly string[]): boolean {
  return step.kind === 'ipAllow' && step.of.kind === 'peer' && allowIps.length > 0 && step.cidrs.join() === allowIps.join();
}

const RESHAPING: ReadonlySet<Middleware['kind']> = new Set([
  'stripPrefix',
  'stripPrefixRegexp',
  'addPrefix',
  'replacePath',
  'replacePathRegexp',
  'redirectScheme',
  'redirectRegexp',
]);

function stepLosses(step: RouteIntent['middlewares'][number]): readonly Loss[] {
  if (step.kind === 'reference') return [impossible(`${step.to} "${step.name}"`)];
  if (protects(step)) return [impossible(`${step.kind}, which protects the route`)];
  return RESHAPING.has(step.kind)
    ? [impossible(`${step.kind}, which changes the request`)]
    : [unsupported(`${step.kind}; the route is written without it`)];
}

/** Everything else that is not just «forward to the instance over http, by the client's address». */
function ownLosses(intent: RouteIntent, { context: { port }, isLed }: Pick<Surroundings, 'context' | 'isLed'>): readonly Loss[] {
  const { dialect, match, action, protocol, pool, share, weight, transport, backend, tlsProfile, endpoint, priority, entryPoints } = intent;
  const { loadBalancing, upstreamHost, sticky, healthCheck, passiveHealthCheck, flushIntervalMs } = pool;
  const weighted = share !== undefined || (weight !== undefined && weight !== 1);
  const tuned = sticky ?? healthCheck ?? passiveHealthCheck ?? flushIntervalMs;
  return [
    ...faultLosses(intent),
    match.conditions.length > 0 && impossible('conditions beside host and path'),
    action.kind !== 'forward' && impossible(`a ${action.kind === 'redirect' ? 'redirect' : 'refusal'}`),
    protocol !== 'http' && impossible(`instances that speak ${protocol}`),
    upstreamHost.kind !== 'client' && impossible("a Host header that is not the client's"),
    transport && impossible(`transport "${transport.name}"`),
    backend && impossible(`service "${backend.name}" in the place of the tag's own`),
    tlsProfile && impossible(`the TLS options of policy "${tlsProfile.name}"`),
    endpoint.port !== port && impossible(`port ${endpoint.port} in the place of the registered ${port}`),
    dialect !== 'hind' && !isLed && entryPoints.kind !== 'port' && approximated('plain http is redirected to https'),
    (match.host.kind === 'exact' || match.host.kind === 'glob') &&
      match.host.port === 'own' &&
      approximated('requests with another port in their Host header are taken too'),
    weighted && approximated('every instance gets an equal share'),
    loadBalancing !== 'ipHash' && approximated("instances are chosen by the client's address"),
    tuned !== undefined && unsupported('cookies, health checks and flushing; the route is written without them'),
    priority !== undefined && approximated('its priority: Caddy tries longer paths first'),
  ].filter((loss) => typeof loss === 'object');
}
