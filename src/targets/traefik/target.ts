import { diagnose, type Diagnostic } from '../../model/diagnostic.ts';
import type { RenderedConfig } from '../../model/rendered.ts';
import type { Redirect, Route, RoutingTable } from '../../model/route.ts';
import { EMPTY_TABLE } from '../../model/table.ts';
import { fitTable } from '../fit.ts';
import { BOOT_MARKER, type RenderSettings, type Target } from '../target.ts';
import { TRAEFIK_CAPABILITIES } from './capabilities.ts';
import { differencesOf } from './differences.ts';
import { dynamicParts } from './dynamic.ts';
import { printJsonFile } from './json.ts';
import { obstacleOf } from './obstacles.ts';
import { servedStatuses } from './redirects.ts';
import { traefikReading } from './reading.ts';
import { servedEntryPoints, staticConfig } from './static.ts';
import { canAnswer } from './statuses.ts';

/** Traefik: one dynamic file for its file provider, JSON in a `.yml`. The digest stands in it as a middleware that no router uses. */
export const traefikTarget: Target = {
  server: 'traefik',
  capabilities: TRAEFIK_CAPABILITIES,
  entryPoints: (_table, settings) => servedEntryPoints(settings),
  obstacle: (route, { settings }) => obstacleOf(route, settings),
  differences: differencesOf,
  render(table, settings) {
    const { value: fitted, diagnostics } = fitTable(traefikTarget, table, settings);
    const losses = [...unknownHostLosses(settings), ...diagnostics, ...fitted.routes.flatMap(redirectLosses)];
    return { value: configOf(fitted, settings, table.digest), diagnostics: losses };
  },
  renderBoot(settings) {
    return configOf(EMPTY_TABLE, { ...settings, unknownHost: { status: 503 } }, BOOT_MARKER);
  },
  reading: traefikReading,
  renderStatic(settings) {
    const { staticFile } = settings.traefik;
    return [printJsonFile(staticConfig(settings), { path: staticFile, heading: [WRITTEN], units: new Map() })];
  },
};

const WRITTEN = 'Written by hind-proxy; changes are overwritten.';

function configOf(table: RoutingTable, settings: RenderSettings, marker: string): RenderedConfig {
  const heading = [WRITTEN, `hind-proxy table ${table.digest}`];
  const { config, units } = dynamicParts(table, settings, marker);
  const file = printJsonFile(config, { path: settings.traefik.dynamicFile, heading, units });
  return { server: 'traefik', files: [file], tableDigest: table.digest };
}

function unknownHostLosses({ unknownHost: { status, body } }: RenderSettings): readonly Diagnostic[] {
  if (!canAnswer(status)) return [diagnose('TRAEFIK_APPROXIMATED', `Cannot answer unknown hosts with ${status}: Traefik answers 404`)];
  return body === undefined
    ? []
    : [diagnose('TRAEFIK_APPROXIMATED', `Cannot answer unknown hosts with a body: Traefik answers ${status} with a text of its own`)];
}

/** Redirects that answer with other statuses than asked. */
function redirectLosses({ action, spans: [span] }: Route): readonly Diagnostic[] {
  const actions = action.kind === 'split' ? action.parts.map((part) => part.action) : [action];
  return actions.flatMap((one) => {
    const message = one.kind === 'redirect' ? redirectLoss(one.redirect) : undefined;
    return message === undefined ? [] : [diagnose('TRAEFIK_REDIRECT_STATUS', message, { span })];
  });
}

function redirectLoss(redirect: Redirect): string | undefined {
  const { status, otherStatus = status } = redirect;
  const { get, other } = servedStatuses(redirect);
  return get === status && other === otherStatus
    ? undefined
    : `Cannot redirect with ${status}: Traefik answers ${get}, and ${other} for methods other than GET`;
}
