import { join } from 'node:path';
import type { EntryPoint } from '../model/entry-point.ts';
import type { HostMatch } from '../model/match.ts';
import { parsePort, type Port } from '../model/names.ts';
import type { Middleware } from '../model/middleware.ts';
import type { Route, RouteAction, RoutingTable } from '../model/route.ts';
import { backendsOf, createTable } from '../model/table.ts';
import type { CertificateFiles, RenderSettings, Target } from '../targets/target.ts';
import type { Answer } from './answer.ts';
import type { AskedRequest } from './request.ts';

/** A configuration moved to other ports of loopback, and how requests and answers are told there. */
export interface Relocation {
  readonly settings: RenderSettings;
  readonly table: RoutingTable;
  /** A request as it is sent there. */
  sent(request: AskedRequest): AskedRequest;
  /** An answer as the proxy would have given it in its own place. */
  told(answer: Answer): Answer;
}

/** What a relocation is made of. */
export interface RelocationOptions {
  readonly target: Target;
  readonly settings: RenderSettings;
  readonly table: RoutingTable;
  /** An absolute directory for its files. */
  readonly dir: string;
  /** For every TLS entry point: certificates are not compared. */
  readonly certificate: CertificateFiles;
  /** As many as `portsNeeded` says. */
  readonly ports: readonly number[];
}

/** How many free ports a relocation takes: one for each entry point, two for the proxy's own endpoints. */
export function portsNeeded({ target, settings, table }: Pick<RelocationOptions, 'target' | 'settings' | 'table'>): number {
  return target.entryPoints(table, settings).length + 2;
}

/** Moves everything that listens, and every file, of a configuration. The table keeps its meaning; pure. */
export function relocate({ target, settings, table, dir, certificate, ports }: RelocationOptions): Relocation {
  const [admin = 0, api = 0, ...free] = ports;
  const points = target.entryPoints(table, settings);
  const moved = points.map(
    (point, index): EntryPoint => ({
      ...point,
      name: placeName(point.name),
      address: `127.0.0.1:${free[index] ?? 0}`,
      port: parsePort(free[index] ?? 0) ?? point.port,
    }),
  );
  const there = new Map(points.map(({ port }, index) => [port, moved[index]?.port ?? port]));
  const back = new Map(points.flatMap(({ port }, index) => (moved[index] ? [[moved[index].port, port] as const] : [])));
  return {
    settings: {
      ...settings,
      entryPoints: moved,
      accessLogs: false,
      tls: settings.tls.mode === 'off' ? settings.tls : { ...settings.tls, mode: 'files', certificates: [certificate] },
      caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${admin}` },
      traefik: {
        staticFile: join(dir, 'traefik.yaml'),
        dynamicFile: join(dir, 'dynamic/hind-proxy.yml'),
        api: `http://127.0.0.1:${api}`,
        apiUsers: [],
        defaultCertificate: certificate,
      },
    },
    table: createTable(
      table.routes.map((route) => routeThere(route, there)),
      backendsOf(table),
    ),
    sent: (request) => ({
      ...request,
      entryPoint: placeName(request.entryPoint),
      host: request.host.replace(/:(\d{1,5})$/, (text, digits: string) => portText(text, there.get(Number(digits) as Port))),
    }),
    told: (answer) => toldBack(answer, back),
  };
}

/** The name of an entry point there: one that a tag has opened would be opened on its own port. */
function placeName(name: string): string {
  return /^\d/.test(name) ? `opened-${name}` : name;
}

function routeThere(route: Route, there: ReadonlyMap<Port, Port>): Route {
  const { match } = route;
  return { ...route, entryPoints: route.entryPoints.map(placeName), match: { ...match, host: hostThere(match.host, there) } };
}

function hostThere(host: HostMatch, there: ReadonlyMap<Port, Port>): HostMatch {
  if ((host.kind !== 'exact' && host.kind !== 'glob') || typeof host.port !== 'number') return host;
  return { ...host, port: there.get(host.port) ?? host.port };
}

function portText(text: string, port: number | undefined): string {
  return port === undefined ? text : `:${port}`;
}

function toldBack(answer: Answer, back: ReadonlyMap<number, Port>): Answer {
  const { echo } = answer;
  const located = (value: string): string =>
    value.replace(/^(https?):\/\/([^/?#]*):(\d+)/, (text, scheme: string, host: string, digits: string) => {
      const port = back.get(Number(digits));
      if (port === undefined) return text;
      return port === (scheme === 'https' ? 443 : 80) ? `${scheme}://${host}` : `${scheme}://${host}:${port}`;
    });
  const ported = (value: string): string => value.replace(/:(\d+)$/, (text, digits: string) => portText(text, back.get(Number(digits))));
  return {
    ...answer,
    headers: answer.headers.map(([name, value]) => [name, name === 'location' ? located(value) : value]),
    ...(echo && {
      echo: {
        ...echo,
        host: ported(echo.host),
        headers: echo.headers.map(([name, value]) => [name, name === 'x-forwarded-host' ? ported(value) : value]),
      },
    }),
  };
}

/**
 * The table without what would answer by what happened before, or ask programs that nobody stands in for. What is left out is compared
 * as the tables say it (`factsOf`).
 */
export function quieted(table: RoutingTable): RoutingTable {
  return createTable(
    table.routes.map((route) => ({ ...route, middlewares: quiet(route.middlewares), action: quietAction(route.action) })),
    backendsOf(table),
  );
}

/** Whether a route answers by what happened before, so that the same request may be answered in two ways. */
export function answersByHistory({ middlewares, action }: Route): boolean {
  const all = [...middlewares, ...(action.kind === 'split' ? action.parts.flatMap((part) => part.middlewares) : [])];
  return all.some(({ kind }) => BY_HISTORY.has(kind));
}

const BY_HISTORY: ReadonlySet<Middleware['kind']> = new Set(['rateLimit', 'inFlight', 'circuitBreaker']);

function quiet(middlewares: readonly Middleware[]): readonly Middleware[] {
  return middlewares.filter(({ kind }) => !BY_HISTORY.has(kind) && kind !== 'forwardAuth');
}

function quietAction(action: RouteAction): RouteAction {
  if (action.kind !== 'split') return action;
  return { ...action, parts: action.parts.map((part) => ({ ...part, middlewares: quiet(part.middlewares) })) };
}
