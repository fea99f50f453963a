import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report } from '../../model/diagnostic.ts';
import { protects } from '../../model/middleware.ts';
import type { Fault, RouteIntent } from '../../model/route.ts';
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
      return intents;
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
  const parsed = parseOptions(lexed.options, { pathText: route.pathText, schemes: settings.authSchemes ?? new Set() });
  for (const { code, message, token, hint } of parsed.notes) report(diagnose(code, message, { span: at(token), hint }));
  const quoted = quoteFault(lexed, (token) =>
    report(diagnose('FABIO_OPTION_QUOTE', 'A double quote: Fabio would stop updating its whole table', { span: at(token) })),
  );
  const fault =
    parsed.options.fault ??
    quoted ??
    tcpFault(route, parsed.options, (message) => report(diagnose('FABIO_PROTECTION_UNSERVED', message, { span: at(lexed.route) })));
  // a form without today's protection must not stand in
  const kind = parsed.options.middlewares.some(protects) ? ('protective' as const) : undefined;
  const options = fault ? { ...parsed.options, fault: { ...fault, ...(kind && { kind }) } } : parsed.options;
  return intentsOf(route, options, { instance, span: at(lexed.route) });
}

function intentsOf(
  route: FabioRoute,
  options: FabioOptions,
  { instance, span }: { readonly instance: ServiceInstance; readonly span: ReturnType<typeof tagSpan> },
): readonly RouteIntent[] {
  const { middlewares, redirect, protocol, transport, upstreamHost, loadBalancing, share, fault } = options;
  const base = {
    dialect: 'fabio',
    owner: instance.owner,
    service: instance.service,
    spans: [span],
    pathForm: 'clean',
    transport,
    upstreamHost,
    loadBalancing,
    endpoint: { address: instance.address, port: instance.port },
    ...(share !== undefined && { share }),
    ...(fault && { fault }),
  } as const;
  const http: RouteIntent = {
    ...base,
    entryPoints: route.entryPoints,
    match: { host: route.host, path: route.path, conditions: [] },
    middlewares,
    ...(redirect && { redirect }),
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
    protocol: 'tcp',
    ...(host.kind === 'exact' && { passthrough: true }),
  };
  // Fabio answers such a route with an error on listeners that speak http
  const onHttp: Fault = { kind: 'protective', code: 'ROUTE_ENTRYPOINT_KIND' };
  return port === undefined ? [tcp, { ...http, protocol: 'http', fault: onHttp }] : [tcp];
}

function quoteFault({ route, options }: LexedTag, tell: (token: Token) => void): Fault | undefined {
  const token = [route, ...options.map((option) => option.token)].find(({ text }) => text.includes('"'));
  if (!token) return undefined;
  tell(token);
  return { kind: 'quarantined', code: 'FABIO_OPTION_QUOTE' };
}

/** Connections pass no middleware: a TCP route that asks for protection is withheld. */
function tcpFault({ tcpPort }: FabioRoute, { protocol, middlewares }: FabioOptions, tell: (message: string) => void): Fault | undefined {
  if ((protocol !== 'tcp' && tcpPort === undefined) || !middlewares.some(protects)) return undefined;
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
