import { diagnose, type Diagnostic } from '../../model/diagnostic.ts';
import type { RenderedConfig } from '../../model/rendered.ts';
import type { Route, RoutingTable } from '../../model/route.ts';
import { EMPTY_TABLE } from '../../model/table.ts';
import { fitTable } from '../fit.ts';
import type { RenderSettings, Target } from '../target.ts';
import { TRAEFIK_CAPABILITIES } from './capabilities.ts';
import { dynamicParts } from './dynamic.ts';
import { printJsonFile, type JsonObject } from './json.ts';
import { isEnforceable, servedStatuses } from './middlewares.ts';
import { traefikReading } from './reading.ts';
import { staticConfig } from './static.ts';

/** Traefik: one dynamic file for its file provider, JSON in a `.yml`. The digest stands in it as a middleware that no router uses. */
export const traefikTarget: Target = {
  server: 'traefik',
  capabilities: TRAEFIK_CAPABILITIES,
  obstacle({ middlewares }, { settings }) {
    const unenforced = middlewares.find((middleware) => !isEnforceable(middleware, settings));
    return unenforced && { effect: 'withhold', message: `Cannot enforce ${unenforced.kind} as the tag asks: the route answers 503` };
  },
  render(table, settings) {
    const { value: fitted, diagnostics } = fitTable(traefikTarget, table, settings);
    const { status, body } = settings.unknownHost;
    const approximated =
      (status === 404 || status === 503) && body === undefined
        ? []
        : [diagnose('TRAEFIK_APPROXIMATED', `Cannot answer unknown hosts with ${status} and a body: Traefik answers 404 of its own`)];
    const value = configOf(dynamicParts(fitted, settings, table.digest), fitted, settings);
    return { value, diagnostics: [...approximated, ...diagnostics, ...fitted.routes.flatMap(redirectLosses)] };
  },
  renderBoot(settings) {
    const unavailable = { ...settings, unknownHost: { status: 503 } };
    return configOf(dynamicParts(EMPTY_TABLE, unavailable, 'boot'), EMPTY_TABLE, settings);
  },
  reading: traefikReading,
  renderStatic(settings) {
    const { staticFile } = settings.traefik;
    return [printJsonFile(staticConfig(settings), { path: staticFile, heading: [WRITTEN], units: new Map() })];
  },
};

const WRITTEN = 'Written by hind-proxy; changes are overwritten.';

function configOf(root: JsonObject, table: RoutingTable, { traefik }: RenderSettings): RenderedConfig {
  const heading = [WRITTEN, `hind-proxy table ${table.digest}`];
  const units = new Map<string, string>(table.routes.flatMap(({ id, unit }) => [[id, unit] as const, [`${id}-tls`, unit] as const]));
  return { server: 'traefik', files: [printJsonFile(root, { path: traefik.dynamicFile, heading, units })], tableDigest: table.digest };
}

/** Redirects that answer with other statuses than asked. */
function redirectLosses({ action, spans: [span] }: Route): readonly Diagnostic[] {
  if (action.kind !== 'redirect') return [];
  const { status, otherStatus = status } = action.redirect;
  const { get, other } = servedStatuses(action.redirect);
  if (get === status && other === otherStatus) return [];
  const message = `Cannot redirect with ${status}: Traefik answers ${get}, and ${other} for methods other than GET and HEAD`;
  return [diagnose('TRAEFIK_REDIRECT_STATUS', message, { span })];
}
