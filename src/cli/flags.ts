import { mergeConfigs, nested, type RawConfig } from '../config/environment.ts';

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly config?: string;
  readonly consul?: string;
  readonly nomad?: string;
  readonly file?: string;
  readonly proxy?: string;
  readonly stateDir?: string;
  readonly logLevel?: string;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** What the flags say about options, in the shape of a configuration file. */
export function configFromFlags(flags: GlobalFlags): RawConfig {
  const level = flags.logLevel ?? (flags.quiet ? 'error' : flags.verbose ? 'debug' : undefined);
  const pairs: readonly (readonly [readonly string[], unknown])[] = [
    [['sources', 'consul', 'address'], flags.consul],
    [['sources', 'nomad', 'address'], flags.nomad],
    [['sources', 'file', 'path'], flags.file],
    [['proxies', '0', 'server'], flags.proxy],
    [['stateDir'], flags.stateDir],
    [['logging', 'level'], level],
  ];
  return mergeConfigs(pairs.flatMap(([path, value]) => (value === undefined ? [] : [nested(path, value)])));
}

/** consul-template's single-dash flags, by what they are here; `undefined`: taken with a warning, without an effect. */
const SINGLE_DASH: ReadonlyMap<string, string | undefined> = new Map([
  ['once', '--once'],
  ['dry', '--dry-run'],
  ['config', '--config'],
  ['c', '--config'],
  ['log-level', '--log-level'],
  ['consul-addr', '--consul'],
  ['version', '--version'],
  ['template', undefined],
  ['wait', undefined],
  ['pid-file', undefined],
  ['reload-signal', undefined],
  ['kill-signal', undefined],
  ['max-stale', undefined],
  ['retry', undefined],
  ['parse-only', undefined],
  ['exec', undefined],
  ['consul-token', undefined],
  ['consul-token-file', undefined],
]);
const WITHOUT_VALUE = new Set(['once', 'dry', 'version', 'parse-only']);

/** Arguments with consul-template's flags as ours, and the ones that have no effect. Other arguments stay as they are. */
export function normaliseArguments(args: readonly string[]): { readonly args: readonly string[]; readonly ignored: readonly string[] } {
  // alone it is theirs, behind a command it is ours for --verbose
  if (args.length === 1 && args[0] === '-v') return { args: ['--version'], ignored: [] };
  const normalised: string[] = [];
  const ignored: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    const match = /^--?([a-z][a-z-]*)(=.*)?$/.exec(arg);
    const name = match?.[1] ?? '';
    const isTheirs = match !== null && SINGLE_DASH.has(name) && (!arg.startsWith('--') || SINGLE_DASH.get(name) === undefined);
    if (!isTheirs) {
      normalised.push(arg);
      continue;
    }
    const ours = SINGLE_DASH.get(name);
    const hasValue = match[2] !== undefined;
    if (ours !== undefined) normalised.push(`${ours}${match[2] ?? ''}`);
    else {
      ignored.push(name);
      if (!hasValue && !WITHOUT_VALUE.has(name)) index += 1;
    }
  }
  return { args: normalised, ignored };
}
