import type { AdminAnswer } from './admin-client.ts';

/** What Caddy's adapter makes of a Caddyfile: the configuration as JSON, or the answer that refuses it. */
export type Adaptation = { readonly kind: 'adapted'; readonly json: string } | { readonly kind: 'refused'; readonly answer: AdminAnswer };

/** Has a Caddyfile adapted. Rejects where Caddy does not answer. */
export type CaddyAdapter = (caddyfile: string, signal: AbortSignal) => Promise<Adaptation>;

/**
 * An adapter for Caddyfiles of ours that remembers the last one: adapting takes Caddy as long as loading, so where only sites differ it
 * gets these alone, and their routes replace those in the JSON of before. Where all that differs in them is which addresses their requests
 * go to, as when an instance is replaced, it gets nothing. Everything is adapted anew where something else differs too.
 * The result serves the same as that of the whole file; sites of different hosts may stand in another order.
 */
export function createCaddyAdapter(adapt: (caddyfile: string, signal: AbortSignal) => Promise<AdminAnswer>): CaddyAdapter {
  let last: { readonly file: CaddyFile; readonly config: CaddyConfig } | undefined;
  return async (caddyfile, signal) => {
    const file = fileOf(caddyfile);
    const change = last && changeOf(last.file, file);
    const part = last && change && (partWithAddresses(last.config, change) ?? (await adaptedPart(change.text, signal)));
    const config = last && change && part && withSites(last.config, part, change);
    if (config) return remember(file, config);
    const answer = await adapt(caddyfile, signal);
    return answer.status === 200 ? remember(file, resultOf(answer)) : { kind: 'refused', answer };
  };

  /** A part that is refused is adapted again with the rest, so that the error names the right line. */
  async function adaptedPart(text: string, signal: AbortSignal): Promise<CaddyConfig | undefined> {
    const part = await adapt(text, signal);
    return part.status === 200 ? resultOf(part) : undefined;
  }

  function remember(file: CaddyFile, config: CaddyConfig): Adaptation {
    last = { file, config };
    return { kind: 'adapted', json: JSON.stringify(config) };
  }
}

/** A Caddyfile in its top-level blocks: the only blank lines in our files stand between them. */
interface CaddyFile {
  /** Global options, named routes, and the sites of every other host. */
  readonly frame: readonly string[];
  /** The sites of hosts by their address. */
  readonly sites: ReadonlyMap<string, string>;
}

/** What differs between two files that have the same frame. */
interface SiteChange {
  /** A Caddyfile of the frame and the sites that are new or changed. */
  readonly text: string;
  readonly changed: number;
  /** Of each changed site, where nothing differs but addresses. */
  readonly moves: readonly SiteMove[] | undefined;
  readonly added: readonly Site[];
  readonly removed: readonly Site[];
  /** How many sites there are now. */
  readonly sites: number;
}

interface Site {
  readonly host: string;
  readonly port: string;
}

/** The lists of addresses of a site that has others now: each as `host:port` with blanks between, and what replaces it. */
interface SiteMove extends Site {
  readonly lists: ReadonlyMap<string, string>;
  /** How many lists there are, equal ones counted. */
  readonly count: number;
}

/** The digest of the table, in a comment and in the name of a log. */
const MARKER = /hind-proxy(\.| table )[0-9a-f]{64}/g;

function fileOf(caddyfile: string): CaddyFile {
  const blocks = caddyfile.trimEnd().split('\n\n');
  const found = blocks.filter((block) => /^https?:\/\/[^:]/.test(block));
  const sites = new Map(found.map((block) => [block.slice(0, block.indexOf(' ')), block]));
  // two sites of one address are refused, which only shows when both are adapted
  if (sites.size < found.length) return { frame: blocks, sites: new Map() };
  const known = new Set(found);
  return { frame: blocks.filter((block) => !known.has(block)), sites };
}

/** Undefined where everything must be adapted, or most of it. */
function changeOf(before: CaddyFile, after: CaddyFile): SiteChange | undefined {
  if (withoutMarker(before.frame.join('\n')) !== withoutMarker(after.frame.join('\n'))) return undefined;
  const changed = [...after.sites].filter(([address, text]) => before.sites.get(address) !== text);
  const removed = [...before.sites].filter(([address]) => !after.sites.has(address));
  const concernsRoutesOnly =
    changed.every(([address, text]) => surroundingsOf(text) === surroundingsOf(before.sites.get(address))) &&
    removed.every(([, text]) => surroundingsOf(text) === '');
  if (!concernsRoutesOnly || changed.length * 2 >= after.sites.size) return undefined;
  const moves = changed.map(([address, text]) => moveOf(address, before.sites.get(address) ?? '', text));
  return {
    text: [...after.frame, ...changed.map(([, text]) => text)].join('\n\n'),
    changed: changed.length,
    moves: removed.length === 0 && moves.every((move) => move !== undefined) ? moves : undefined,
    added: changed.filter(([address]) => !before.sites.has(address)).map(([address]) => siteOf(address)),
    removed: removed.map(([address]) => siteOf(address)),
    sites: after.sites.size,
  };
}

/** Undefined where more than addresses of IPv4 differs. */
function moveOf(address: string, before: string, after: string): SiteMove | undefined {
  const [old, now] = [before.split('\n'), after.split('\n')];
  if (old.length !== now.length) return undefined;
  const lists = new Map<string, string>();
  let count = 0;
  for (const [index, line] of now.entries()) {
    const [from, to] = [addressesIn(old[index] ?? ''), addressesIn(line)];
    if (from === undefined || to === undefined) {
      if (old[index] !== line) return undefined;
      continue;
    }
    // equal lists that part cannot be told apart in JSON
    if ((lists.get(from) ?? to) !== to) return undefined;
    lists.set(from, to);
    count += 1;
  }
  return { ...siteOf(address), lists, count };
}

/** The addresses that a line proxies to, where the adapter writes them into JSON as they stand; undefined for other lines. */
function addressesIn(line: string): string | undefined {
  return /^\t+reverse_proxy ((?:[\d.]+:\d+ )+)\{$/.exec(line)?.[1]?.trimEnd();
}

function siteOf(address: string): Site {
  const [, host = '', port = ''] = /^https?:\/\/(.*):(\d+)$/.exec(address) ?? [];
  return { host, port };
}

function withoutMarker(text: string): string {
  return text.replace(MARKER, '');
}

/**
 * The lines of a site that the adapter writes into more than its routes, as those for TLS. The address to listen on is no such line:
 * every site of an entry point has the same.
 */
function surroundingsOf(site = ''): string {
  const directives = site.split(/\n(?=\t[^\t}])/).slice(1);
  return directives.filter((text) => !/^\t(@|route |bind )/.test(text)).join('\n');
}

/** A configuration as far as it is read; the rest is passed on as it is. */
interface CaddyConfig {
  readonly logging?: unknown;
  readonly apps?: { readonly http?: { readonly servers?: Readonly<Record<string, CaddyServer>> } };
}

interface CaddyServer {
  readonly listen: readonly string[];
  readonly routes: readonly CaddyRoute[];
  /** Only those that some route invokes. */
  readonly named_routes?: Readonly<Record<string, unknown>>;
  readonly automatic_https?: { readonly skip?: readonly string[] };
}

interface CaddyRoute {
  readonly match?: readonly { readonly host?: readonly string[] }[];
}

function resultOf({ body }: AdminAnswer): CaddyConfig {
  return (JSON.parse(body) as { readonly result: CaddyConfig }).result;
}

/** What the adapter would make of the changed sites, where nothing in them differs but addresses. */
function partWithAddresses(before: CaddyConfig, { text, moves }: SiteChange): CaddyConfig | undefined {
  if (!moves) return undefined;
  const servers = Object.entries(serversOf(before)).map(([name, server]) => {
    const here = new Map(moves.filter(({ port }) => isAt(server, port)).map((move) => [move.host, move]));
    const routes = server.routes.flatMap((route) => {
      const move = hosted(route).map(([host]) => here.get(host))[0];
      const moved = move && withAddresses(route, move);
      return moved ? [moved] : [];
    });
    return [name, { ...server, routes }] as const;
  });
  if (sum(servers.map(([, { routes }]) => routes.length)) !== moves.length) return undefined;
  const [marker = ''] = /hind-proxy\.[0-9a-f]{64}/.exec(text) ?? [];
  const logging = JSON.parse(JSON.stringify(before.logging).replace(MARKER, marker)) as unknown;
  return { logging, apps: { http: { servers: Object.fromEntries(servers) } } };
}

/** Undefined where not every list is found. */
function withAddresses(route: CaddyRoute, { lists, count }: SiteMove): CaddyRoute | undefined {
  let found = 0;
  const json = JSON.stringify(route, (key, value: unknown) => {
    // a header of a tag may have this name too
    if (key !== 'upstreams' || !Array.isArray(value)) return value;
    const dials = value.map((upstream: { readonly dial?: string }) => upstream.dial);
    const list = lists.get(dials.join(' '));
    if (list === undefined) return value;
    found += 1;
    return list.split(' ').map((dial) => ({ dial }));
  });
  return found === count ? (JSON.parse(json) as CaddyRoute) : undefined;
}

/** The configuration with the routes and the marker of a part of it; undefined where the two do not fit together. */
function withSites(before: CaddyConfig, part: CaddyConfig, change: SiteChange): CaddyConfig | undefined {
  const partServers = Object.values(serversOf(part));
  const pairs = Object.entries(serversOf(before)).map(([name, server]) => {
    const beside = partServers.find(({ listen }) => listen.join() === server.listen.join());
    return { name, server, beside, fresh: new Map(beside?.routes.flatMap(hosted)) };
  });
  const next = pairs.map(({ name, server, beside, fresh }) => {
    const named = { ...server.named_routes, ...beside?.named_routes };
    const changed: CaddyServer = {
      ...server,
      routes: routesWith(server, fresh, change),
      ...(Object.keys(named).length > 0 && { named_routes: named }),
      ...withoutCertificates(server, beside, change),
    };
    return [name, changed] as const;
  });
  const fits =
    sum(pairs.map(({ fresh }) => fresh.size)) === change.changed &&
    sum(next.map(([, { routes }]) => routes.flatMap(hosted).length)) === change.sites &&
    withoutMarker(JSON.stringify(before.logging)) === withoutMarker(JSON.stringify(part.logging)) &&
    !change.removed.some(({ host }) => isNamedBesideRoutes(host, before)) &&
    !change.added.some(({ host }) => isNamedBesideRoutes(host, part));
  if (!fits) return undefined;
  return { ...before, logging: part.logging, apps: { ...before.apps, http: { ...before.apps?.http, servers: Object.fromEntries(next) } } };
}

function serversOf({ apps }: CaddyConfig): Readonly<Record<string, CaddyServer>> {
  return apps?.http?.servers ?? {};
}

/** Some settings name hosts too, as those of certificates. */
function isNamedBesideRoutes(host: string, config: CaddyConfig): boolean {
  return JSON.stringify(config, (key, value: unknown) => (key === 'routes' || key === 'skip' ? undefined : value)).includes(
    JSON.stringify(host),
  );
}

/** The list of plain hosts for which no certificate may be made. */
function withoutCertificates(
  server: CaddyServer,
  beside: CaddyServer | undefined,
  { removed }: SiteChange,
): Pick<CaddyServer, 'automatic_https'> {
  const [before = [], fresh = []] = [server.automatic_https?.skip, beside?.automatic_https?.skip];
  const gone = new Set(goneHosts(server, removed));
  const skip = [...new Set([...before.filter((host) => !gone.has(host)), ...fresh])];
  return server.automatic_https || skip.length > 0 ? { automatic_https: { ...server.automatic_https, skip } } : {};
}

/** New hosts stand first: the last route is that of every other host. */
function routesWith(server: CaddyServer, fresh: ReadonlyMap<string, CaddyRoute>, { removed }: SiteChange): readonly CaddyRoute[] {
  const { routes } = server;
  const gone = new Set(goneHosts(server, removed));
  const known = new Set(routes.flatMap(hosted).map(([host]) => host));
  const added = [...fresh].filter(([host]) => !known.has(host)).map(([, route]) => route);
  const kept = routes.flatMap((route) => {
    const [[host] = ['']] = hosted(route);
    return gone.has(host) ? [] : [fresh.get(host) ?? route];
  });
  return [...added, ...kept];
}

function goneHosts(server: CaddyServer, removed: readonly Site[]): readonly string[] {
  return removed.filter(({ port }) => isAt(server, port)).map(({ host }) => host);
}

function isAt({ listen }: CaddyServer, port: string): boolean {
  return listen.some((at) => at.endsWith(`:${port}`));
}

/** The host that a route is for, with the route; nothing for every other host. */
function hosted(route: CaddyRoute): readonly (readonly [string, CaddyRoute])[] {
  const host = route.match?.[0]?.host?.[0];
  return host === undefined ? [] : [[host, route]];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
