import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report } from '../../model/diagnostic.ts';
import type { Fault, Reference, RouteIntent } from '../../model/intent.ts';
import { protects, type Middleware } from '../../model/middleware.ts';
import { PLAIN_POOL } from '../../model/pool.ts';
import type { Dialect } from '../dialect.ts';
import { lexTag, type LexedTag, type Token } from './lex.ts';
import { parseOptions, type FabioOptions } from './options.ts';
import { parseRoute, type FabioRoute, type FabioSettings } from './route.ts';

/** The dialect of `urlprefix-` tags, with Fabio's semantics in every detail that a client can see. */
export function createFabioDialect(settings: FabioSettings): Dialect {
  return {
    name: 'fabio',
    claims: (tag) => tag.trimStart().startsWith(settings.tagPrefix),
    parse(instance, report) {
      const intents = instance.tags.flatMap((_, index) => parseTag(instance, index, settings, report));
      if (intents.length > 0) reportFreezingTags(instance, settings, report);
      return { intents, definitions: [] };
    },
  };
}

function parseTag(instance: ServiceInstance, index: number, settings: FabioSettings, report: Report): readonly RouteIntent[] {
  const lexed = lexTag(instance.tags[index] ?? '', settings.tagPrefix);
  if (!lexed) return [];
  const at = ({ start, end }: Token): ReturnType<typeof tagSpan> => tagSpan(instance, index, start, end);
  if (lexed.leadingBlank)
    report(diagnose('FABIO_LEADING_BLANK', 'A blank before the prefix: Fabio may drop the service', { span: at(lexed.route) }));
  if (lexed.route.text === '') {
    report(
      diagnose('FABIO_ROUTE_EMPTY', 'Nothing stands after the prefix; Fabio would stop updating its whole table', {
        span: tagSpan(instance, index),
      }),
    );
    return [];
  }
  const variables = new Map(instance.datacenter === undefined ? [] : [['DC', instance.datacenter]]);
  const { route, notes } = parseRoute(lexed.route.text, { settings, variables });
  for (const { code, message } of notes) report(diagnose(code, message, { span: at(lexed.route) }));
  if (!route) return [];
  const parsed = parseOptions(lexed.options, { pathText: route.pathText });
  for (const { code, message, token, hint } of parsed.notes) report(diagnose(code, message, { span: at(token), hint }));
  const quoted = quoteFault(lexed, (token) =>
    report(diagnose('FABIO_OPTION_QUOTE', 'A double quote: Fabio would stop updating its whole table', { span: at(token) })),
  );
  const fault =
    parsed.options.fault ??
    quoted ??
    tcpFault(route, parsed.options, (message) => report(diagnose('FABIO_PROTECTION_UNSERVED', message, { span: at(lexed.route) })));
  // a form without today's protection must not stand in
  const kind = parsed.options.middlewares.some(isProtecting) ? ('protective' as const) : undefined;
  const options = fault ? { ...parsed.options, fault: { ...fault, ...(kind && { kind }) } } : parsed.options;
  return intentsOf(route, options, { instance, span: at(lexed.route) });
}

function intentsOf(
  route: FabioRoute,
  options: FabioOptions,
  { instance, span }: { readonly instance: ServiceInstance; readonly span: ReturnType<typeof tagSpan> },
): readonly RouteIntent[] {
  const { action, protocol, pool, share, fault } = options;
  const middlewares = options.middlewares.map((middleware) => (middleware.kind === 'reference' ? { ...middleware, span } : middleware));
  const base = {
    dialect: 'fabio',
    owner: instance.owner,
    service: instance.service,
    spans: [span],
    pathForm: 'clean',
    pool,
    endpoint: { address: instance.address, port: instance.port },
    ...(share !== undefined && { share }),
    ...(fault && { fault }),
  } as const;
  const http: RouteIntent = {
    ...base,
    entryPoints: route.entryPoints,
    match: { host: route.host, path: route.path, conditions: [] },
    middlewares,
    action,
    protocol,
  };
  const { aside } = route;
  if (protocol !== 'tcp' && route.tcpPort === undefined)
    return aside ? [http, { ...http, entryPoints: aside.entryPoints, match: { ...http.match, host: aside.host } }] : [http];
  const address = route.host.kind === 'exact' && typeof route.host.port === 'number' ? route.host.port : undefined;
  const port = route.tcpPort ?? address;
  const host = port === undefined ? route.host : ({ kind: 'any' } as const);
  const tcp: RouteIntent = {
    ...base,
    entryPoints: { kind: 'tcp', ...(port !== undefined && { port }) },
    match: { host, path: { kind: 'any' }, conditions: [] },
    middlewares: [],
    action: { kind: 'forward' },
    protocol: 'tcp',
    ...(host.kind === 'exact' && { tcpTls: 'passthrough' }),
  };
  // Fabio answers such a route with an error on listeners that speak http
  const onHttp: RouteIntent = { ...http, protocol: 'http', pool: PLAIN_POOL, middlewares: [], action: { kind: 'refuse' } };
  return port === undefined ? [tcp, onHttp] : [tcp];
}

function isProtecting(middleware: Middleware | Omit<Reference, 'span'>): boolean {
  return middleware.kind === 'reference' || protects(middleware);
}

function quoteFault({ route, options }: LexedTag, tell: (token: Token) => void): Fault | undefined {
  const token = [route, ...options.map((option) => option.token)].find(({ text }) => text.includes('"'));
  if (!token) return undefined;
  tell(token);
  return { kind: 'quarantined', code: 'FABIO_OPTION_QUOTE' };
}

/** Connections pass no middleware: a TCP route that asks for protection is withheld. */
function tcpFault({ tcpPort }: FabioRoute, { protocol, middlewares }: FabioOptions, tell: (message: string) => void): Fault | undefined {
  if ((protocol !== 'tcp' && tcpPort === undefined) || !middlewares.some(isProtecting)) return undefined;
  tell('`auth`, `allow` and `deny` cannot be enforced on TCP routes; the route is not served');
  return { kind: 'protective', code: 'FABIO_PROTECTION_UNSERVED' };
}

/** What elsewhere in the registration would stop a real Fabio from updating. */
function reportFreezingTags(instance: ServiceInstance, settings: FabioSettings, report: Report): void {
  const quoted = instance.tags.findIndex((tag) => tag.includes('"') && !lexTag(tag, settings.tagPrefix));
  if (quoted >= 0)
    report(
      diagnose('FABIO_QUOTE_FREEZES', "A double quote in another tag of the service: a real Fabio's table would stop", {
        span: tagSpan(instance, quoted),
      }),
    );
  if (!instance.service.includes(' ')) return;
  const first = instance.tags.findIndex((tag) => lexTag(tag, settings.tagPrefix));
  report(
    diagnose('FABIO_NAME_BLANK', `The service's name "${instance.service}" holds a blank: a real Fabio's table would stop`, {
      span: tagSpan(instance, first),
    }),
  );
}
