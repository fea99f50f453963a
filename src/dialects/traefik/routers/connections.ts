import type { EntryPointChoice } from '../../../model/entry-point.ts';
import type { RouteIntent } from '../../../model/intent.ts';
import { ANY_HOST, ANY_PATH, type RouteMatch } from '../../../model/match.ts';
import type { TcpTls } from '../../../model/route.ts';
import { boolOf, fieldOf, hasPart, textOf, type Item } from '../items.ts';
import { worstFault } from '../tell.ts';
import { linkService } from './link.ts';
import { memberOf, priorityOf, ruleOf, spansOf, tellResolver, tlsProfileOf, type RouterTools } from './reading.ts';

type TcpRouter = Item<'tcp.routers'>;

/** The intents of one TCP router. Without TLS no server name is known, so only rules that ask for none can match. */
export function readTcpRouter(router: TcpRouter, tools: RouterTools): readonly RouteIntent[] {
  const { context, span } = tools;
  const rule = fieldOf(router, 'rule');
  if (!rule || rule.label.value === '') {
    if (!router.lostRule) context.tell('TRAEFIK_RULE_SYNTAX', `Cannot serve TCP router "${router.name}": it has no rule`, router.span);
    return [];
  }
  const read = ruleOf(rule, { kind: 'tcp', v2: textOf(router, 'ruleSyntax') === 'v2' }, context);
  const tcpTls = tlsOf(router);
  const isNameless = tcpTls === undefined && read.serverName !== undefined && read.serverName !== '*';
  const matches = isNameless ? [] : read.matches.filter((match) => tcpTls !== undefined || !asksTls(match));
  if (matches.length < read.matches.length) {
    const hint = 'Write tls=true, or tls.passthrough=true';
    context.tell('TRAEFIK_RULE_NEVER', 'A server name is known with TLS only: it never matches without', rule.label.valueSpan, { hint });
  }
  const linked = linkService(router.name, { field: fieldOf(router, 'service'), protocol: 'tcp', span: router.span }, tools);
  const middlewares = tools.middlewares.list(fieldOf(router, 'middlewares'));
  const options = tcpTls === 'terminate' ? tlsProfileOf(fieldOf(router, 'tls.options'), context) : {};
  tellResolver(fieldOf(router, 'tls.certResolver'), context);
  const { priority, fault: priorityFault } = priorityOf(fieldOf(router, 'priority'), context);
  const fault = worstFault([router.fault, linked.fault, middlewares.fault, options.fault, priorityFault]);
  return matches.map((match) => ({
    ...connectionIntent(router, tools),
    entryPoints: entryPointsOf(router, 'tcp'),
    spans: spansOf(router, { rule, parts: [middlewares.spans, linked.service.spans] }, span),
    match,
    middlewares: middlewares.middlewares,
    ...memberOf(linked),
    ...(priority !== undefined && { priority }),
    ruleLength: read.priority,
    ...(tcpTls && { tcpTls }),
    ...(options.tlsProfile && { tlsProfile: options.tlsProfile }),
    ...(fault && { fault }),
  }));
}

/** The intent of one UDP router, which takes everything that arrives. */
export function readUdpRouter(router: Item<'udp.routers'>, tools: RouterTools): RouteIntent {
  const linked = linkService(router.name, { field: fieldOf(router, 'service'), protocol: 'udp', span: router.span }, tools);
  const fault = worstFault([router.fault, linked.fault]);
  return {
    ...connectionIntent(router, tools),
    entryPoints: entryPointsOf(router, 'udp'),
    spans: spansOf(router, { rule: undefined, parts: [linked.service.spans] }, tools.span),
    match: { host: ANY_HOST, path: ANY_PATH, conditions: [] },
    middlewares: [],
    ...memberOf(linked),
    ...(fault && { fault }),
  };
}

function connectionIntent(
  router: Item,
  { context: { instance } }: RouterTools,
): Pick<RouteIntent, 'dialect' | 'owner' | 'service' | 'name' | 'pathForm' | 'action'> {
  const { owner, service } = instance;
  return { dialect: 'traefik', owner, service, name: router.name.toLowerCase(), pathForm: 'clean', action: { kind: 'forward' } };
}

function tlsOf(router: TcpRouter): TcpTls | undefined {
  if (!hasPart(router, 'tls')) return undefined;
  return boolOf(router, 'tls.passthrough') ? 'passthrough' : 'terminate';
}

/** Whether a match holds only for what is known from TLS. */
function asksTls({ host, conditions }: RouteMatch): boolean {
  return host.kind !== 'any' || conditions.some(({ kind }) => kind === 'host' || kind === 'alpn');
}

function entryPointsOf<Kind extends 'tcp' | 'udp'>(router: Item<`${Kind}.routers`>, kind: Kind): EntryPointChoice {
  const value = router.fields.get('entrypoints')?.value;
  const names = typeof value === 'object' ? value.filter((name) => name !== '') : [];
  return { kind, ...(names.length > 0 && { names }) };
}
