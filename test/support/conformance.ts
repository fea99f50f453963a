import type { Reading } from '../../src/compile/candidates.ts';
import type { CompileOptions } from '../../src/compile/options.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import type { TagReading } from '../../src/model/intent.ts';
import { hostKey, type PathMatch } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Backend } from '../../src/model/pool.ts';
import { backendIdsOf, type RedirectPart, type Route } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { SETTINGS as BASE } from './settings.ts';
import { compile, ENTRY_POINTS, instanceOf, port } from './intents.ts';

/** Every dialect as a configuration without any setting has it, in the order of `dialects.accept`. */
export const DIALECTS: readonly Dialect[] = [
  createTraefikDialect({ prefix: 'traefik', exposedByDefault: false, defaultRule: '{name}.{suffix}', domainSuffix: 'test' }),
  createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  createHindDialect(),
];

/** `web` :80, `websecure` :443 with TLS, `mysql` :3306 for TCP. */
const LISTENERS = [...ENTRY_POINTS, { name: 'mysql', address: ':3306', port: port(3306), protocol: 'tcp', tls: false }] as const;
const SETTINGS = { ...BASE, entryPoints: LISTENERS };

/** What becomes of services: the table in lines, what is said, and what both proxies get. */
export interface Served {
  /** `entry points match → action`, by rank; the redirects from plain http to TLS left out. */
  readonly routes: readonly string[];
  /** Codes of the dialects and the compiler, each once, sorted. */
  readonly codes: readonly string[];
  /** Codes of the targets, each once, sorted. */
  readonly targetCodes: readonly string[];
  readonly caddyfile: string;
  readonly traefik: string;
}

/** What an instance's tags ask for. */
export function read(...tags: readonly string[]): Diagnosed<TagReading> {
  return readTags(instanceOf('web', { tags, datacenter: 'eu1' }), DIALECTS);
}

/** Compiles instances and renders their table for both proxies. */
export function serve(instances: readonly ServiceInstance[], options: Partial<CompileOptions> = {}): Served {
  const readings = instances.map((instance): Reading => {
    const { value, diagnostics } = readTags(instance, DIALECTS);
    return { instance, local: false, ...value, diagnostics };
  });
  const { value, diagnostics } = compile(readings, { entryPoints: LISTENERS, ...options });
  const [caddy, traefik] = [caddyTarget.render(value.table, SETTINGS), traefikTarget.render(value.table, SETTINGS)];
  const backends = new Map(value.table.backends.map((backend) => [String(backend.id), backend]));
  return {
    routes: value.table.routes
      .filter(({ match }) => match.conditions.every(({ kind }) => kind !== 'not'))
      .map((route) => lineOf(route, backends)),
    codes: distinct(diagnostics.map(({ code }) => code)),
    targetCodes: distinct([...caddy.diagnostics, ...traefik.diagnostics].map(({ code }) => code)),
    caddyfile: caddy.value.files.map(({ content }) => content).join('\n'),
    traefik: traefik.value.files.map(({ content }) => content).join('\n'),
  };
}

function distinct(codes: readonly string[]): readonly string[] {
  return [...new Set(codes)].toSorted();
}

function lineOf(route: Route, backends: ReadonlyMap<string, Backend>): string {
  const { entryPoints, match, action, middlewares, tcpTls } = route;
  const conditions = match.conditions.map((condition) => ('name' in condition ? condition.name : condition.kind));
  const pools = backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
  return [
    `${entryPoints.join('+')} ${hostKey(match.host)} ${pathText(match.path)}`,
    ...conditions.map((name) => `if ${name}`),
    ...(tcpTls ? [tcpTls] : []),
    '→',
    ...middlewares.map(stepText),
    action.kind === 'redirect'
      ? `${action.redirect.status} ${action.redirect.to.map(partText).join('')}`
      : action.kind === 'respond'
        ? `${action.status} ${action.reason}`
        : action.kind,
    ...pools.map(poolText),
  ].join(' ');
}

function pathText(path: PathMatch): string {
  if (path.kind === 'any') return '/';
  return path.kind === 'regexp' ? `~${path.regexp}` : `${path.kind === 'exact' ? '=' : ''}${path.path}`;
}

function stepText(step: Middleware): string {
  if (step.kind === 'stripPrefix') return `strip ${step.prefixes.join()}`;
  return step.kind === 'addPrefix' ? `add ${step.prefix}` : step.kind;
}

function partText(part: RedirectPart): string {
  return part.kind === 'text' ? part.text : `<${part.kind}>`;
}

function poolText({ endpoints, loadBalancing, proxyProtocol }: Backend): string {
  const list = endpoints.map(({ address, port: number, protocol, weight }) => `${protocol}://${address}:${number}×${weight}`);
  return [...list, ...(loadBalancing === 'random' ? [] : [loadBalancing]), ...(proxyProtocol ? [`v${proxyProtocol}`] : [])].join(' ');
}
