import { buildTable, type Compiled } from '../../src/compile/compile.ts';
import type { Reading } from '../../src/compile/candidates.ts';
import type { Claims, CompileOptions } from '../../src/compile/options.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import type { Written } from '../../src/dialects/written.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { tagSpan, type Diagnosed } from '../../src/model/diagnostic.ts';
import { ANY_HOST, exactHost, pathPrefix, type RouteMatch } from '../../src/model/match.ts';
import { ownerId, parseHostname, parsePort, serviceName, sourceId, type Hostname, type Port } from '../../src/model/names.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import type { RouteIntent } from '../../src/model/intent.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';

/** A port for a test; throws where it is none. */
export function port(value: number): Port {
  const parsed = parsePort(value);
  if (!parsed) throw new RangeError(`Cannot use port ${value}`);
  return parsed;
}

/** A host name for a test; throws where it is none. */
export function host(text: string): Hostname {
  const parsed = parseHostname(text);
  if (!parsed) throw new RangeError(`Cannot use host "${text}"`);
  return parsed;
}

/** A plain entry point `web` and a TLS one `websecure`. */
export const ENTRY_POINTS: readonly EntryPoint[] = [
  { name: 'web', address: ':80', port: port(80), protocol: 'http', tls: false },
  { name: 'websecure', address: ':443', port: port(443), protocol: 'http', tls: true },
];

/** The dialects that the golden cases are read in. */
export const CASE_DIALECTS: readonly Dialect[] = [
  createTraefikDialect({
    prefix: 'traefik',
    exposedByDefault: false,
    defaultRule: '{name}.{suffix}',
    domainSuffix: 'test',
  }),
  createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  createHindDialect(),
];

/** What a configuration without any setting gives. */
export const OPTIONS: CompileOptions = {
  accept: ['traefik', 'fabio', 'hind'],
  entryPoints: ENTRY_POINTS,
  tls: true,
  openPorts: 'none',
  unhealthy: 'respond-503',
  requireChecks: true,
  checkingSources: new Set([sourceId('consul')]),
  health: new Map(),
  ownership: 'firstCome',
  reservedHosts: [],
  redirectHosts: [],
  httpsRedirect: 'hind',
  redirectUnknownHosts: false,
  addresses: { allow: [], deny: [], controlPorts: new Set(), uncheckedPorts: new Set() },
  grants: new Map(),
  policies: new Map(),
  attach: [],
  transports: new Map(),
  limits: { routesPerService: 64, endpointsPerRoute: 1000, servicesPerOwner: 10_000 },
};

/** The texts of written tags. */
export function tagsOf({ tags }: Written): readonly string[] {
  return tags.map(({ tag }) => tag);
}

/** A healthy instance at 10.0.0.1:8080 without tags. */
export function instanceOf(service: string, overrides: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    source: sourceId('consul'),
    owner: ownerId('default'),
    service: serviceName(service),
    instance: `${service}-1`,
    address: '10.0.0.1',
    port: port(8080),
    tags: [],
    meta: {},
    health: 'passing',
    modifyIndex: 1,
    ...overrides,
  };
}

/** A match of an exact host (or `*` for every host) and a path prefix. */
export function matchOf(hostText: string, path = '/'): RouteMatch {
  return { host: hostText === '*' ? ANY_HOST : exactHost(host(hostText)), path: pathPrefix(path), conditions: [] };
}

/** A Fabio route to an instance; its tag is `tag`, or one made from nothing. */
export function intentOf(instance: ServiceInstance, match: RouteMatch, overrides: Partial<RouteIntent> = {}): RouteIntent {
  return {
    dialect: 'fabio',
    owner: instance.owner,
    service: instance.service,
    spans: [tagSpan(instance, 0)],
    entryPoints: { kind: 'both' },
    match,
    pathForm: 'clean',
    middlewares: [],
    action: { kind: 'forward' },
    protocol: 'http',
    pool: {
      ...PLAIN_POOL,
      loadBalancing: overrides.dialect === 'traefik' ? 'roundRobin' : overrides.dialect === 'hind' ? 'ipHash' : 'random',
    },
    endpoint: { address: instance.address, port: instance.port },
    ...overrides,
  };
}

/** A reading of an instance with these intents, from a catalog on another machine. */
export function readingOf(instance: ServiceInstance, ...intents: readonly RouteIntent[]): Reading {
  return { instance, local: false, intents, definitions: [], diagnostics: [] };
}

/** `buildTable` with the default options. */
export function compile(
  readings: readonly Reading[],
  overrides: Partial<CompileOptions> = {},
  claims: Claims = new Map(),
): Diagnosed<Compiled> {
  return buildTable(readings, { options: { ...OPTIONS, ...overrides }, claims });
}

/** The codes that were reported, in order. */
export function codesOf({ diagnostics }: Diagnosed<unknown>): readonly string[] {
  return diagnostics.map(({ code }) => code);
}
