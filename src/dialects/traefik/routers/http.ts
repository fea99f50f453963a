import type { EntryPointChoice } from '../../../model/entry-point.ts';
import type { RouteIntent } from '../../../model/intent.ts';
import { withoutUnseenHost } from '../../../model/middleware.ts';
import { exactHost } from '../../../model/match.ts';
import { parseHostname } from '../../../model/names.ts';
import { normalisedName } from '../context.ts';
import { fieldOf, hasPart, listIn, textOf, type Item } from '../items.ts';
import { inOrder } from '../middlewares/reading.ts';
import { worstFault } from '../tell.ts';
import { linkService } from './link.ts';
import {
  memberOf,
  priorityOf,
  ruleOf,
  spansOf,
  tellResolver,
  tlsProfileOf,
  upstreamHostOf,
  type RouterTools,
  type RuleReading,
} from './reading.ts';

type HttpRouter = Item<'http.routers'>;

/** The intents of one HTTP router, one for each alternative of its rule. Without a router: those of Traefik's default router. */
export function readHttpRouter(router: HttpRouter | undefined, tools: RouterTools): readonly RouteIntent[] {
  const { context, span } = tools;
  if (router?.lostRule && !fieldOf(router, 'rule')) return [];
  const rule = fieldOf(router, 'rule');
  const read = rule && rule.label.value !== '' ? ruleOf(rule, { kind: 'http', v2: isV2(router) }, context) : defaultRule(router, tools);
  const name = router?.name ?? normalisedName(context.instance);
  const linked = linkService(name, { field: fieldOf(router, 'service'), protocol: 'http', span: router?.span ?? span }, tools);
  const middlewares = inOrder([tools.middlewares.list(fieldOf(router, 'middlewares')), tools.middlewares.list(linked.service.middlewares)]);
  const options = tlsProfileOf(fieldOf(router, 'tls.options'), context);
  tellResolver(fieldOf(router, 'tls.certResolver'), context);
  const { priority, fault: priorityFault } = priorityOf(fieldOf(router, 'priority'), context);
  const fault = worstFault([router?.fault, linked.fault, middlewares.fault, options.fault, priorityFault]);
  const member = memberOf(linked);
  return read.matches.map((match) => ({
    dialect: 'traefik',
    owner: context.instance.owner,
    service: context.instance.service,
    name: name.toLowerCase(),
    spans: spansOf(router, { rule, parts: [middlewares.spans, linked.service.spans] }, span),
    entryPoints: entryPointsOf(router),
    match,
    pathForm: 'clean',
    middlewares: withoutUnseenHost(middlewares.middlewares),
    action: { kind: 'forward' },
    ...member,
    pool: { ...member.pool, upstreamHost: upstreamHostOf(linked.service, middlewares) },
    ...(middlewares.sidePools && { sidePools: middlewares.sidePools }),
    ...(priority !== undefined && { priority }),
    ruleLength: read.priority,
    ...(options.tlsProfile && { tlsProfile: options.tlsProfile }),
    ...(fault && { fault }),
  }));
}

function isV2(router: HttpRouter | undefined): boolean {
  return textOf(router, 'ruleSyntax') === 'v2';
}

function entryPointsOf(router: HttpRouter | undefined): EntryPointChoice {
  const tls = hasPart(router, 'tls');
  const names = listIn(router, 'entryPoints').filter((name) => name !== '');
  return names.length > 0 ? { kind: 'named', names, tls } : { kind: tls ? 'tls' : 'plain' };
}

/** The host that the operator gives services without a rule. */
function defaultRule(router: HttpRouter | undefined, { context, span: fallback }: RouterTools): RuleReading {
  const { instance, settings, tell } = context;
  const span = router?.span ?? fallback;
  const name = normalisedName(instance);
  const text = settings.defaultRule.replaceAll('{name}', () => name).replaceAll('{suffix}', () => settings.domainSuffix);
  const host = parseHostname(text);
  if (host === undefined) {
    tell('TRAEFIK_RULE_SYNTAX', `Cannot use default host "${text}": it is no host name`, span);
    return { matches: [], priority: 0 };
  }
  tell('TRAEFIK_RULE_DEFAULT', `No rule is given: served at "${host}"`, span);
  return { matches: [{ host: exactHost(host), path: { kind: 'any' }, conditions: [] }], priority: text.length + 'Host(``)'.length };
}
