import { Command, CommanderError, Option } from 'commander';
import type { AskFlags } from './ask.ts';
import type { CapabilityFlags } from './capabilities.ts';
import type { ConfigFlags } from './config.ts';
import type { Context } from './context.ts';
import type { ConvertFlags } from './convert.ts';
import type { DemoFlags } from './demo.ts';
import type { DiffFlags } from './diff.ts';
import type { GlobalFlags } from './flags.ts';
import type { MigrateFlags } from './migrate.ts';
import type { VerifyFlags } from './migrate-verify.ts';
import { MIGRATE_COMMANDS, MIGRATE_FLAGS } from './migrate-program.ts';
import type { RenderFlags } from './render.ts';
import type { RollbackFlags } from './rollback.ts';
import type { RunFlags } from './run.ts';
import type { SwitchFlags } from './switch.ts';
import type { TagFlags } from './validate-tags.ts';
import type { ShowFlags } from './show.ts';

/**
 * The command line: every command, its flags and examples. `done` gets the exit code of the command that ran. What a command needs is
 * loaded when it runs.
 */
export function createProgram(context: Context, done: (exitCode: number) => void): Command {
  const program = new Command('hind-proxy')
    .description('Turns what Consul, Nomad and files say about services into validated, reversible Caddy or Traefik configuration')
    .version(context.version, '--version')
    .showHelpAfterError('(hind-proxy help COMMAND shows its flags and examples)')
    .exitOverride();
  const command = (name: string, description: string, examples: readonly string[]): Command => {
    const added = program.command(name).description(description).exitOverride();
    addGlobalFlags(added);
    return added.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
  };
  /** The action of a command: its flags are the last argument but one. */
  const act = <Flags>(
    action: (flags: Flags, args: readonly (string | undefined)[]) => number | Promise<number>,
  ): ((...all: unknown[]) => Promise<void>) =>
    async function (...all: unknown[]): Promise<void> {
      done(await action(all.at(-2) as Flags, all.slice(0, -2) as readonly (string | undefined)[]));
    };
  const adopt = new Option('--adopt', 'take over a proxy configuration that is not ours; it is kept as generation 0');

  command('run', 'watch the catalogs and program the proxy', [
    'hind-proxy run',
    'hind-proxy run --consul 127.0.0.1:8500 --proxy traefik',
    'hind-proxy run --once --dry-run',
  ])
    .option('--once', 'one cycle, then end')
    .option('--dry-run', 'apply nothing; exit 3 where something would change')
    .addOption(adopt)
    .action(act(async (flags: RunFlags) => (await import('./run.ts')).run(flags, context)));
  command('apply', 'one cycle with its stages and times', ['hind-proxy apply --once --config hind-proxy.yaml'])
    .option('--once', 'one cycle, then end (always so)')
    .addOption(adopt)
    .action(act(async (flags: RunFlags) => (await import('./run.ts')).run({ ...flags, once: true }, context)));
  command('render', 'print or write what would be applied', [
    'hind-proxy render --target traefik',
    'hind-proxy render --static --out ./out',
  ])
    .option('--target <server>', 'caddy or traefik; default: the configured proxy')
    .option('--static', 'also the files that the proxy reads at its start')
    .option('--out <dir>', 'write files there; - prints')
    .action(act(async (flags: RenderFlags) => (await import('./render.ts')).render(flags, context)));
  command('validate', 'check configuration and tags; all faults at once', [
    'hind-proxy validate',
    'hind-proxy validate --rendered --json',
    "hind-proxy validate --tags 'urlprefix-app.example.com/ strip=/app'",
    'nomad job inspect app | jq -r .Job.TaskGroups[].Services[].Tags[] | hind-proxy validate --tags -',
  ])
    .option('--rendered', 'ask the real proxy too')
    .option('--tags <tag...>', 'only these tags, as those of one service; - reads lines from stdin')
    .option('--json', 'diagnostics as JSON')
    .action(
      act(async (flags: RenderFlags & TagFlags) =>
        flags.tags === undefined
          ? (await import('./render.ts')).validate(flags, context)
          : (await import('./validate-tags.ts')).validateTags(flags, context),
      ),
    );
  command('convert', 'write the tags of one service in another dialect; what is lost is said with a caret', [
    "hind-proxy convert 'urlprefix-app.example.com/api strip=/api' --to traefik --service app",
    "hind-proxy convert 'https://app.example.com' --to fabio --explain",
    "hind-proxy convert 'traefik.enable=true' 'traefik.http.routers.a.rule=Host(`a.io`)' --to fabio --json",
    'nomad job inspect app | jq -r .Job.TaskGroups[0].Services[0].Tags[] | hind-proxy convert --to hind --strict',
  ])
    .argument('[tag...]', 'tags of one service; none or - reads stdin: lines, a JSON list, or a service as JSON')
    .requiredOption('--to <dialect>', 'fabio, hind or traefik')
    .option('--from <dialect>', 'read only tags of this dialect; default: every tag as what it is')
    .option('--service <name>', 'the name that the service registers; default hosts and router names are made of it')
    .option('--port <number>', 'the port that the service registers; a tag that says another port cannot be said everywhere')
    .option('--explain', 'also what each tag asks for and what became of it')
    .option('--strict', 'exit 4 where anything is lost or said differently')
    .option('--json', 'as JSON')
    .action(
      act(async (flags: ConvertFlags, [tags]) =>
        // a variadic argument arrives as one list
        (await import('./convert.ts')).convert([tags ?? []].flat(), flags, context),
      ),
    );
  addMigrateCommands(program, context, act);
  command('plan', 'what would change, per route; exit 3 where something would', ['hind-proxy plan', 'hind-proxy plan --rendered'])
    .option('--rendered', 'also the difference of the files')
    .option('--json', 'as JSON')
    .action(act(async (flags: RenderFlags) => (await import('./render.ts')).plan(flags, context)));
  command('routes', 'the routes in the order in which they are tried, and the tags they come from', [
    'hind-proxy routes',
    'hind-proxy routes --host app.example.com --json',
  ])
    .option('--host <text>', 'only routes whose match holds this text')
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./show.ts')).showRoutes(flags, context)));
  command('services', 'the services that the catalogs have', ['hind-proxy services', 'hind-proxy services web --json'])
    .argument('[name]', 'only this service')
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags, [name]) => (await import('./show.ts')).showServices(name, flags, context)));
  command('explain', 'why a URL answers as it does: route, tags, instances, losers, proxy', [
    'hind-proxy explain https://app.example.com/login',
    'hind-proxy explain app.example.com/api --json',
  ])
    .argument('<url>', 'a URL, or host/path for every entry point')
    .option('--json', 'as JSON')
    .action(act(async (flags: AskFlags, [url]) => (await import('./ask.ts')).explain(url, flags, context)));
  command('test', 'evaluate the routes for one request without sending it', [
    'hind-proxy test https://app.example.com/login',
    "hind-proxy test http://app.example.com/api --method POST --header 'X-Version: 2' --ip 10.1.2.3",
  ])
    .argument('<url>', 'the URL of the request')
    .option('--method <method>', 'default: GET')
    .option(
      '--header <line>',
      'Name: value; may be given several times',
      (line: string, before: readonly string[]) => [...before, line],
      [],
    )
    .option('--ip <address>', "the client's address; default: loopback")
    .option('--json', 'as JSON')
    .action(act(async (flags: AskFlags, [url]) => (await import('./ask.ts')).testRequest(url, flags, context)));
  command('conflicts', 'where two tags want different things, with both of them', ['hind-proxy conflicts', 'hind-proxy conflicts --json'])
    .option('--json', 'as JSON')
    .action(act(async (flags: AskFlags) => (await import('./ask.ts')).showConflicts(flags, context)));
  command('status', 'how sources and proxy are', ['hind-proxy status', 'hind-proxy status --json'])
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./show.ts')).showStatus(flags, context)));
  command('capabilities', 'what each proxy can do: native, with a module, emulated, unsupported', [
    'hind-proxy capabilities',
    'hind-proxy capabilities --target caddy --json',
  ])
    .option('--target <server>', 'caddy or traefik, with notes; default: both')
    .option('--json', 'as JSON')
    .action(act(async (flags: CapabilityFlags) => (await import('./capabilities.ts')).showCapabilities(flags, context)));
  command('generations', 'every configuration that the proxy was given', ['hind-proxy generations'])
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./show.ts')).showGenerations(flags, context)));
  command('diff', 'in what the routes of two generations differ; exit 3 where they do', [
    'hind-proxy diff 41 42',
    'hind-proxy diff 41 --json',
  ])
    .argument('<from>', 'the number of a generation')
    .argument('[to]', 'default: the one that is served')
    .option('--json', 'as JSON')
    .action(act(async (flags: DiffFlags, ids) => (await import('./diff.ts')).diff(ids, flags, context)));
  command('rollback', 'put an earlier generation back and pin it; needs neither controller nor catalogs', [
    'hind-proxy rollback',
    'hind-proxy rollback 12 --start',
  ])
    .argument('[generation]', 'its number; default: the one before that which is served')
    .option('--accept-removals', 'also where the guard would hold what it removes')
    .option('--start', 'start exec-proxy where no proxy runs')
    .option('--json', 'as JSON')
    .action(act(async (flags: RollbackFlags, [id]) => (await import('./rollback.ts')).rollback(id, flags, context)));
  command('switch', 'change the running proxy without losing requests; verified first, else undone', [
    'hind-proxy switch traefik',
    'hind-proxy switch caddy --json',
  ])
    .argument('<server>', 'caddy or traefik')
    .option('--accept-differences', 'also where the other proxy answers some requests otherwise')
    .option('--json', 'as JSON')
    .action(act(async (flags: SwitchFlags, [server]) => (await import('./switch.ts')).switchTo(server, flags, context)));
  command('unpin', 'follow the catalogs again after a rollback', ['hind-proxy unpin']).action(
    act(async (flags: ShowFlags) => (await import('./show.ts')).unpin(flags, context)),
  );
  command('guard', 'which removals are held and why; accept lets them through', ['hind-proxy guard', 'hind-proxy guard accept'])
    .argument('[accept]', 'let them through')
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags, [action]) => (await import('./show.ts')).guard(action, flags, context)));
  command('exec-proxy', 'run the proxy as a child, from its last good configuration', [
    'hind-proxy exec-proxy',
    'PROXY_SERVER=traefik hind-proxy exec-proxy',
  ]).action(act(async (flags: GlobalFlags) => (await import('./exec-proxy.ts')).execProxy(flags, context)));
  command('health', 'exit 0 where the controller is well, 1 where not', ['hind-proxy health'])
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./show.ts')).health(flags, context)));
  program
    .command('demo')
    .description('everything at once on loopback, to look at and to change')
    .option('--proxy <server>', 'caddy or traefik')
    .option('--consul', 'with a Consul agent instead of a service file')
    .option('-v, --verbose', 'with the log of the controller')
    .addHelpText('after', '\nExamples:\n  $ npm start\n  $ npm start -- --proxy traefik\n  $ npm start -- --consul')
    .exitOverride()
    .action(
      act(async (flags: DemoFlags) => {
        const { demo } = await import('./demo.ts');
        return demo(flags, context);
      }),
    );
  addConfigCommands(program, context, act);
  program
    .command('version')
    .description('the version of this program')
    .action(() => {
      context.printer.out(context.version);
      done(0);
    });
  return program;
}

/** The exit code with which the parser ends (help, version, wrong usage); undefined for errors of others. */
export function parserExitCode(error: unknown): number | undefined {
  return error instanceof CommanderError ? error.exitCode : undefined;
}

function addConfigCommands(
  program: Command,
  context: Context,
  act: (action: (flags: ConfigFlags) => Promise<number>) => (...all: unknown[]) => Promise<void>,
): void {
  const config = program.command('config').description('the configuration: what counts, its schema, its variables').exitOverride();
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
    const added = config
      .command(name)
      .description(description)
      .option('--json', 'as JSON')
      .option('--origin', 'where each key came from')
      .exitOverride();
    addGlobalFlags(added);
    added.addHelpText('after', `\nExamples:\n  $ ${`hind-proxy config ${name} ${example}`.trimEnd()}`);
    added.action(act(async (flags) => (await import('./config.ts'))[action](flags, context)));
  }
}

function addMigrateCommands(
  program: Command,
  context: Context,
  act: (
    action: (flags: MigrateFlags & VerifyFlags, args: readonly (string | undefined)[]) => Promise<number>,
  ) => (...all: unknown[]) => Promise<void>,
): void {
  const migrate = program
    .command('migrate')
    .description('move the tags in job files to another dialect: Nomad HCL and JSON, Consul services, compose and other YAML')
    .exitOverride();
  for (const { name, description, paths: takes, flags, examples } of MIGRATE_COMMANDS) {
    const added = migrate.command(name).description(description).exitOverride();
    if (takes === 'required') added.argument('<path...>', 'files and directories');
    if (takes === 'optional')
      added.argument(
        '[path...]',
        name === 'plan' ? 'files and directories; none with --from' : 'files and directories; none: the catalogs',
      );
    for (const flag of flags) added.option(flag, MIGRATE_FLAGS[flag]);
    addGlobalFlags(added);
    added.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
    added.action(
      act(async (given, [paths]) => {
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

function addGlobalFlags(command: Command): void {
  command
    .option('--config <file>', 'configuration: YAML, JSON or TOML')
    .option('--consul <address>', 'Consul, as URL, host:port or unix://path')
    .option('--nomad <address>', 'Nomad, as URL or unix://path')
    .option('--file <dir>', 'directory of service files')
    .option('--proxy <server>', 'caddy or traefik')
    .option('--state-dir <dir>', 'where snapshots, generations and claims are kept')
    .option('--log-level <level>', 'debug, info, warn or error')
    .addOption(new Option('--log-format <format>').choices(['json']).hideHelp())
    .option('--no-color', 'no colours')
    .option('-q, --quiet', 'errors only')
    .option('-v, --verbose', 'everything');
}
