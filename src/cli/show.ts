import { routeViews, serviceViews, type RouteView, type ServiceView, type StatusView } from '../controller/views.ts';
import { stateText } from '../controller/route-state.ts';
import { runningServer } from '../apply/proxy-files.ts';
import { adminApi } from './admin-api.ts';
import { setUpFor, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import { howToStart } from './how-to-start.ts';
import type { GlobalFlags } from './flags.ts';
import { tellPinned } from './kept-generations.ts';
import type { Printer } from './print.ts';
import { formatTable } from './table.ts';
import { endOfReading, readOnce } from './read-once.ts';
import { openRuntime } from './runtime.ts';
import { fittedBy } from './scene.ts';
import type { Setup } from './setup.ts';
import { joinHostPort } from '../lib/host.ts';
import { visible } from '../lib/text.ts';

/** What the commands that show something take. */
export interface ShowFlags extends GlobalFlags {
  readonly json?: boolean;
  readonly host?: string;
}

/** The routes that are served, or would be where no controller runs. */
export async function showRoutes(flags: ShowFlags, context: Context): Promise<number> {
  const { view, end } = await viewOf('/v1/routes', flags, context);
  const all = view as readonly RouteView[];
  const routes = flags.host === undefined ? all : all.filter(({ match }) => match.includes(flags.host ?? ''));
  const empty = 'No route is served; hind-proxy explain URL says what becomes of the tags that ask for it';
  return end(show(routes, { flags, context, empty }, () => routesTable(routes)));
}

/** A table of routes in the order in which they are tried. */
export function routesTable(routes: readonly RouteView[]): string {
  return formatTable(
    ['MATCH', 'ENTRY POINTS', 'DOES', 'SERVICES', 'INSTANCES', 'STATE', 'TAG'],
    routes.map(({ match, entrypoints, action, middlewares, services, backends, tags, ...served }) => [
      match,
      entrypoints.join(' '),
      [...middlewares, action].join(' '),
      services.join(' '),
      backends.map(({ address, port, weight }) => `${joinHostPort(address, port)}${weight === 1 ? '' : `×${weight}`}`).join(' '),
      stateText(served),
      tags[0] ?? '',
    ]),
  );
}

/** The services that the catalogs have. */
export async function showServices(name: string | undefined, flags: ShowFlags, context: Context): Promise<number> {
  const { view, end } = await viewOf('/v1/services', flags, context);
  const all = view as readonly ServiceView[];
  const services = name === undefined ? all : all.filter((service) => service.name === name);
  if (name !== undefined && services.length === 0) {
    if (flags.json) context.printer.json(services);
    const code = end(EXIT.failed);
    throw new CommandError(`No service "${visible(name)}" is known; hind-proxy services lists those that are`, code);
  }
  const table = (): string =>
    formatTable(
      ['SERVICE', 'OWNER', 'SOURCE', 'INSTANCES', 'TAGS'],
      services.map((service) => [
        service.name,
        service.owner,
        service.source,
        service.instances.map(({ address, port, health }) => `${joinHostPort(address, port)} ${health}`).join(', '),
        service.tags.join(' '),
      ]),
    );
  return end(show(services, { flags, context, empty: 'No service is known' }, table));
}

/** How the controller is. */
export async function showStatus(flags: ShowFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const status = (await running(setup, '/v1/status')) as StatusView;
  const runs = await runningServer(setup.paths.stateDir);
  return show(status, { flags, context, empty: '' }, () =>
    [
      `hind-proxy ${status.version}: ${status.health}${status.ready ? '' : ', not ready'}`,
      formatTable(
        ['PROXY', 'SERVER', 'GENERATION', 'ROUTES', 'VERIFIED', 'PROBLEM'],
        status.proxies.map(({ name, server, generation, routes, verified, pinned, problem }) => [
          name,
          server,
          `${generation ?? '-'}${pinned === undefined ? '' : ` (pinned ${pinned})`}`,
          String(routes),
          verified ? 'yes' : 'no',
          problem ?? '',
        ]),
      ),
      formatTable(
        ['SOURCE', 'STATE', 'SERVICES', 'INDEX', 'AGE', 'PROBLEM'],
        status.sources.map(({ name, state, services, index, ageMs, problem }) => [
          name,
          state,
          String(services),
          (index ?? '').slice(0, 12),
          ageMs === undefined ? '' : `${Math.round(ageMs / 1000)}s`,
          problem ?? '',
        ]),
      ),
      ...(status.waiting === undefined ? [] : [status.waiting]),
      ...status.proxies.flatMap(({ up, silent = false, server }) =>
        up || (runs !== undefined && !silent) ? [] : [howToStart({ ...setup, server }, { silent })],
      ),
      ...troubleLines(status),
    ].join('\n\n'),
  );
}

/** What of tags and routes is not as somebody wanted it, a line each. */
function troubleLines({ quarantined, withheld, leftOut, held, guard: reason, conflicts, errors, warnings }: StatusView): readonly string[] {
  const lines = [
    [quarantined, `${quarantined} quarantined: routes in their last good form until their tags are repaired; hind-proxy validate says why`],
    [withheld, `${withheld} withheld: routes that answer 503 until their tags are repaired; hind-proxy validate says why`],
    [leftOut, `${leftOut} left out: routes that the proxy cannot serve; hind-proxy validate says why`],
    [held, `${held} held: routes whose removal is not believed yet${reason === undefined ? '' : `: ${reason}`}; hind-proxy guard says why`],
    [conflicts, `${conflicts} conflicts: two tags want different things; hind-proxy conflicts shows both`],
    [errors + warnings, `${errors} errors and ${warnings} warnings in tags; hind-proxy validate shows them`],
  ] as const;
  const text = lines.flatMap(([count, line]) => (count > 0 ? line : [])).join('\n');
  return text === '' ? [] : [text];
}

/** Shows which removals are held and why; `accept` lets them through. */
export async function guard(action: string | undefined, flags: ShowFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  if (action !== undefined && action !== 'accept') throw new CommandError(`Cannot do "${action}": expected accept`, EXIT.usage);
  const held = ((await running(setup, '/v1/routes')) as readonly RouteView[]).filter(({ state }) => state === 'held');
  const { guard: mass } = (await running(setup, '/v1/status')) as StatusView;
  const acceptable = held.filter(({ reason }) => reason === mass);
  if (action === 'accept' && mass !== undefined) {
    await adminApi(setup).post('/v1/guard/accept', {});
    context.printer.out(`${acceptable.length} held routes may go`);
    return EXIT.ok;
  }
  const hint = 'hind-proxy guard accept lets those through that wait for it';
  if (flags.json) context.printer.json(held);
  else if (held.length === 0) context.printer.out('No removal is held');
  else context.printer.out([heldTable(held, mass), ...(acceptable.length > 0 ? [hint] : [])].join('\n\n'));
  return EXIT.ok;
}

/** Routes whose removal is held; `mass`: why so many are. */
function heldTable(held: readonly RouteView[], mass: string | undefined): string {
  const endOf = ({ reason, until }: RouteView): string => {
    if (reason !== mass) return 'its catalog was read whole, without it';
    return until === undefined ? 'guard accept' : `${until} and a later read without it, or guard accept`;
  };
  return formatTable(
    ['MATCH', 'SERVICES', 'UNTIL', 'WHY'],
    held.map((route) => [route.match, route.services.join(' '), endOf(route), route.reason ?? '']),
  );
}

/**
 * Whether the controller is alive: exit 0 or 1, for container checks. One that is degraded is alive: starting it anew mends neither a proxy
 * nor a catalog; what is wrong is said.
 */
export async function health(flags: ShowFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const answer = await adminApi(setup).probe('/health');
  if (!answer) throw new CommandError('Cannot ask the controller: it does not run');
  const view = answer.body as HealthView;
  if (flags.json) context.printer.json(view);
  else {
    context.printer.out(view.status);
    for (const line of troublesOf(view)) context.printer.say(visible(line));
  }
  return answer.status === 200 ? EXIT.ok : EXIT.failed;
}

/** What `/health` answers. */
type HealthView = Pick<StatusView, 'proxies' | 'sources' | 'guard'> & { readonly status: StatusView['health'] };

function troublesOf({ proxies, sources, guard: held }: HealthView): readonly string[] {
  return [
    ...proxies.flatMap(({ name, server, verified, problem }) =>
      verified && problem === undefined ? [] : `${server} "${name}": ${problem ?? 'it was not seen to serve what it was given'}`,
    ),
    ...sources.flatMap(({ name, state, problem }) =>
      state === 'synced' && problem === undefined ? [] : `source ${name}: ${problem ?? state}`,
    ),
    ...(held === undefined ? [] : [`removals are held: ${held}`]),
  ];
}

async function running(setup: Setup, path: string): Promise<unknown> {
  const answer = await adminApi(setup).get(path);
  if (answer === undefined)
    throw new CommandError(
      `Cannot ask the controller: nothing answers at ${setup.paths.socket ?? setup.config.admin.listen ?? 'any address'}, expected \`hind-proxy run\` there, or the configuration of the one that runs in --config`,
    );
  return answer;
}

/** What a running controller answers, or what the catalogs say now, read by ourselves; `end` makes the exit code of the command. */
async function viewOf(
  path: '/v1/routes' | '/v1/services',
  flags: ShowFlags,
  context: Context,
): Promise<{ readonly view: unknown; readonly end: (code: number) => number }> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const told = await adminApi(setup).get(path);
  if (told !== undefined) return { view: told, end: (code) => code };
  const runtime = await openRuntime(setup, { looksOnly: true });
  const { change, diagnostics } = await readOnce(runtime, context, { partly: true });
  tellPinned(runtime.generations, context.printer);
  const view =
    path === '/v1/routes'
      ? routeViews(change.serving, { held: change.held, diagnostics, fitted: fittedBy(setup)(change.serving) })
      : serviceViews([...runtime.snapshots.all().values()].flatMap(({ snapshot }) => snapshot.instances));
  return { view, end: (code) => endOfReading(runtime, context.printer, code) };
}

/** Prints what was asked for: as JSON, as text, or a sentence where it is an empty list. */
export function show(
  value: unknown,
  { flags, context, empty }: { readonly flags: ShowFlags; readonly context: { readonly printer: Printer }; readonly empty: string },
  text: () => string,
): number {
  if (flags.json) context.printer.json(value);
  else if (Array.isArray(value) && value.length === 0) context.printer.say(empty);
  else context.printer.out(text());
  return EXIT.ok;
}
