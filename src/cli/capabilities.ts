import { SERVERS, type Server } from '../model/rendered.ts';
import type { Capability } from '../targets/features.ts';
import { isAble } from '../targets/fit.ts';
import { setUpFor, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { formatTable } from './table.ts';
import { modulesOf } from './setup.ts';
import { CAPABILITIES } from './targets.ts';

/** What `capabilities` takes. */
export interface CapabilityFlags extends GlobalFlags {
  readonly target?: string;
  readonly json?: boolean;
}

/** What one proxy can do. */
interface CapabilityView {
  readonly target: Server;
  /** Modules of the program beyond its stock build. */
  readonly modules: readonly string[];
  readonly features: readonly FeatureView[];
}

interface FeatureView extends Capability {
  readonly feature: string;
  /** Whether the program that was found can do it. */
  readonly able: boolean;
}

/** What each proxy can render: by itself, with a module of the program that was found, built from other features, or not at all. */
export async function showCapabilities(flags: CapabilityFlags, context: Context): Promise<number> {
  const asked = flags.target === undefined ? SERVERS : SERVERS.filter((server) => server === flags.target?.toLowerCase());
  if (asked.length === 0) throw new CommandError(`Cannot tell of "${flags.target ?? ''}": expected ${SERVERS.join(' or ')}`, EXIT.usage);
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const views = await Promise.all(asked.map(async (server) => viewOf(server, await modulesOf(server, setup))));
  if (flags.json) context.printer.json(views);
  else context.printer.out(views.length === 1 ? views.map(oneTable).join('') : bothTable(views));
  return EXIT.ok;
}

function viewOf(server: Server, modules: ReadonlySet<string>): CapabilityView {
  const features: readonly (readonly [string, Capability])[] = Object.entries(CAPABILITIES[server]);
  return {
    target: server,
    modules: [...modules].toSorted(),
    features: features.map(([feature, capability]) => ({ feature, ...capability, able: isAble(capability, { modules }) })),
  };
}

function oneTable({ features }: CapabilityView): string {
  return formatTable(
    ['FEATURE', 'LEVEL', 'HOW'],
    features.map(({ feature, note = '', differs, ...capability }) => [
      feature,
      levelText(capability),
      [note, differs === undefined ? '' : `differs: ${differs}`].filter((part) => part !== '').join('; '),
    ]),
  );
}

function bothTable(views: readonly CapabilityView[]): string {
  const [first] = views;
  const levels = views.map(({ features }) => new Map(features.map((feature) => [feature.feature, levelText(feature)])));
  return formatTable(
    ['FEATURE', ...views.map(({ target }) => target.toUpperCase())],
    (first?.features ?? []).map(({ feature }) => [feature, ...levels.map((level) => level.get(feature) ?? '')]),
  );
}

function levelText({ level, module, able }: Pick<FeatureView, 'level' | 'module' | 'able'>): string {
  return level === 'module' ? `module ${module ?? ''}${able ? '' : ' (missing)'}` : level;
}
