import { backendIdsOf, needsCertificate, type Route } from '../../model/route.ts';
import { redirectGoal } from '../redirect-loop.ts';
import type { RouteContext } from '../target.ts';
import { answerWith } from './addresses.ts';
import { answerOf, middlewaresOf } from './answers.ts';
import type { Fragment } from './fragment.ts';
import { ruleOf } from './match.ts';
import { orNone } from './named.ts';
import { pathRules } from './paths.ts';
import { printRule } from './quote.ts';
import { routersOf } from './routers.ts';
import { all, call, not, type Rule } from './rule.ts';
import { serviceOf, UNAVAILABLE } from './services.ts';
import { servedEntryPoints } from './static.ts';
import { tlsOptionsOf } from './tls.ts';
import { transportOf } from './transports.ts';
import { refusalsOf, waysOf } from './ways.ts';

/** The part of an HTTP route: its routers for every way in which requests reach it, plain ones and those over TLS. */
export function httpFragment(route: Route, context: RouteContext): Fragment {
  const { settings, backends } = context;
  const { id, middlewares, entryPoints } = route;
  const answer = answerOf(route, context);
  const rule = (when: readonly Rule[]): string => printRule(ruleOf(route, [...when, ...unlessThere(route)]));
  const refusals = refusalsOf(middlewares).map(({ when, status }, index) => ({
    name: `${id}-refuse${index === 0 ? '' : index}`,
    router: { rule: rule([when]), service: UNAVAILABLE.name },
    middlewares: [answerWith(status)],
    entryPoints,
  }));
  const secured = new Set(servedEntryPoints(settings).flatMap(({ name, tls }) => (tls ? [name] : [])));
  const isLocked = needsCertificate(route);
  const ways = waysOf(middlewares, settings).map(({ suffix, when, reach, notAsking }) => ({
    name: `${id}${suffix}`,
    router: { rule: rule(when), service: answer.service },
    middlewares: [...middlewaresOf(middlewares, route, { settings, reach, notAsking }), ...answer.middlewares],
    entryPoints: isLocked ? entryPoints.filter((name) => secured.has(name)) : entryPoints,
  }));
  const locked = {
    name: id,
    router: { rule: rule([]), service: UNAVAILABLE.name },
    middlewares: [answerWith(403)],
    entryPoints: entryPoints.filter((name) => !secured.has(name)),
  };
  const asked = [...refusals, ...ways, ...(isLocked ? [locked] : [])];
  const profile = tlsOptionsOf(route, settings);
  const pools = [...new Set(backendIdsOf(route))].flatMap((backendId) => backends.get(backendId) ?? []);
  return {
    http: {
      routers: asked.flatMap((one) =>
        routersOf({
          ...one,
          router: { ...one.router, middlewares: orNone(one.middlewares.map(({ name }) => name)) },
          tls: profile && { options: profile.name },
          settings,
        }),
      ),
      services: [...pools.map(serviceOf), ...answer.services],
      middlewares: asked.flatMap((one) => one.middlewares).concat(answer.partMiddlewares),
      transports: pools.flatMap((pool) => transportOf(pool) ?? []),
    },
    ...(profile && { tlsOptions: [profile] }),
  };
}

/** Keeps a Fabio redirect away from requests that already are what it leads to. */
function unlessThere(route: Route): readonly Rule[] {
  const goal = redirectGoal(route);
  if (!goal || !canHave(route, goal.host)) return [];
  const { scheme, host, path } = goal;
  return [
    not(
      all([
        call('Header', 'X-Forwarded-Proto', scheme),
        ...(host === undefined ? [] : [call('Header', 'X-Forwarded-Host', host)]),
        ...(path === undefined ? [] : pathRules({ kind: 'exact', path, ignoreCase: false }, route.dialect)),
      ]),
    ),
  ];
}

/** Whether requests of the route can have this host; with a port it is left to the rule. */
function canHave({ match }: Route, host: string | undefined): boolean {
  return host === undefined || match.host.kind !== 'exact' || host.replace(/:\d+$/, '') === match.host.host;
}
