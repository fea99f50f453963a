import { KNOWN_VARIABLES } from '../config/environment.ts';
import { configJsonSchema, keysAt } from '../config/load.ts';
import { printYaml } from '../lib/yaml.ts';
import { configView } from './config-view.ts';
import { checkedFor, type Context } from './context.ts';
import { EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { formatTable } from './table.ts';

/** What `config` takes. */
export interface ConfigFlags extends GlobalFlags {
  readonly json?: boolean;
  readonly origin?: boolean;
}

/** The configuration as it counts, every default in place. */
export function showConfig(flags: ConfigFlags, context: Context): number {
  const { config, origins } = loadFor(flags, context);
  if (flags.origin) {
    const rows = keysAt([]).map((key) => ({ key, from: origins.get(key) ?? 'default' }));
    if (flags.json) context.printer.json(rows);
    else
      context.printer.out(
        formatTable(
          ['KEY', 'FROM'],
          rows.map(({ key, from }) => [key, from]),
        ),
      );
  } else if (flags.json) context.printer.json(configView(config));
  else context.printer.out(printYaml(configView(config)).trimEnd());
  return EXIT.ok;
}

/** The JSON Schema of the configuration file. */
export function showSchema(_flags: ConfigFlags, { printer }: Context): number {
  printer.json(configJsonSchema());
  return EXIT.ok;
}

/** Reads the configuration and says whether it can be used with the program of its proxy. Faults are thrown as `ConfigError`. */
export async function checkConfig(flags: ConfigFlags, context: Context): Promise<number> {
  await checkedFor(flags, context);
  if (flags.json) context.printer.json({ usable: true });
  else context.printer.say('The configuration can be used');
  return EXIT.ok;
}

/** The environment variables that set options. */
export function showVariables({ json }: ConfigFlags, { printer }: Context): number {
  const known = KNOWN_VARIABLES.map(({ name, path }) => ({ variable: name, sets: path.join('.') }));
  const ours = keysAt([]).flatMap((key) => {
    const inner = keysAt([key]);
    return (inner.length > 0 ? inner : ['']).map((name) => ({
      variable: `HIND_PROXY_${key.toUpperCase()}${name && `__${name.toUpperCase()}`}`,
      sets: name ? `${key}.${name}` : key,
    }));
  });
  const rows = [...known, ...ours];
  if (json) printer.json(rows);
  else
    printer.out(
      formatTable(
        ['VARIABLE', 'SETS'],
        rows.map(({ variable, sets }) => [variable, sets]),
      ),
    );
  return EXIT.ok;
}
