import type { CommandLine } from './command-line.ts';
import type { ConfigFlags } from './config.ts';
import type { Context } from './context.ts';
import type { MigrateFlags } from './migrate.ts';
import { MIGRATE_COMMANDS, MIGRATE_FLAGS } from './migrate-program.ts';
import type { VerifyFlags } from './migrate-verify.ts';

/** `config show`, `config schema` and so on. */
export function addConfigCommands(program: CommandLine, context: Context): void {
  const { command, act } = program.group('config', 'the configuration: what counts, its schema, its variables');
  const commands = [
    {
      name: 'show',
      description: 'the configuration as it counts; --origin says where each key came from',
      action: 'showConfig',
      example: '--origin',
    },
    { name: 'schema', description: 'its JSON Schema, for editors', action: 'showSchema', example: '> schema.json' },
    {
      name: 'check',
      description: 'whether it can be used; every fault at once, exit 2',
      action: 'checkConfig',
      example: '--config hind-proxy.yaml',
    },
    { name: 'env', description: 'the environment variables that set it', action: 'showVariables', example: '' },
  ] as const;
  for (const { name, description, action, example } of commands) {
    const added = command(name, description, [`hind-proxy config ${name} ${example}`.trimEnd()]).option('--json', 'as JSON');
    if (name === 'show') added.option('--origin', 'where each key came from');
    added.action(act(async (flags: ConfigFlags) => (await import('./config.ts'))[action](flags, context)));
  }
}

/** `migrate plan`, `migrate write` and so on. */
export function addMigrateCommands(program: CommandLine, context: Context): void {
  const { command, act } = program.group(
    'migrate',
    'move the tags in job files to another dialect: Nomad HCL and JSON, Consul services, compose and other YAML',
  );
  for (const { name, description, paths: takes, flags, exits, examples } of MIGRATE_COMMANDS) {
    const added = command(name, description, examples);
    added.addHelpText('after', `\nExit codes:\n${exits.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n')}`);
    if (takes === 'required') added.argument('<path...>', 'files and directories');
    if (takes === 'optional')
      added.argument(
        '[path...]',
        name === 'plan' ? 'files and directories; none with --from' : 'files and directories; none: the catalogs',
      );
    for (const flag of flags) added.option(flag, MIGRATE_FLAGS[flag]);
    added.action(
      act(async (given: MigrateFlags & VerifyFlags, [paths]) => {
        // a variadic argument arrives as one list
        const list = [paths ?? []].flat();
        if (name === 'verify') return (await import('./migrate-verify.ts')).migrateVerify(list, given, context);
        if (name === 'finish') return (await import('./migrate-finish.ts')).migrateFinish(list, given, context);
        if (name === 'plan' && given.from !== undefined && list.length === 0)
          return (await import('./migrate-live.ts')).migratePlanLive(given, context);
        const { migratePlan, migrateRevert, migrateWrite } = await import('./migrate.ts');
        if (name === 'revert') return migrateRevert(given, context);
        return (name === 'plan' ? migratePlan : migrateWrite)(list, given, context);
      }),
    );
  }
}
