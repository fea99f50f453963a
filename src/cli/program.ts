import type { AskFlags } from './ask.ts';
import type { CapabilityFlags } from './capabilities.ts';
import { addConfigCommands, addMigrateCommands } from './command-groups.ts';
import { createCommandLine, newProgram, type Command, type CommandLine } from './command-line.ts';
import type { Context } from './context.ts';
import type { ConvertFlags } from './convert.ts';
import { NO_DIALECT } from './named.ts';
import type { DemoFlags } from './demo.ts';
import type { DiffFlags } from './diff.ts';
import type { GlobalFlags } from './flags.ts';
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
  const program = newProgram(
    'Turns what Consul, Nomad and files say about services into validated, reversible Caddy or Traefik configuration',
    context.version,
  );
  const commands = createCommandLine(program, done);
  addApplyCommands(commands, context);
  addConvertCommand(commands, context);
  addMigrateCommands(commands, context);
  addQuestionCommands(commands, context);
  addStateCommands(commands, context);
  addGenerationCommands(commands, context);
  addProcessCommands(commands, context);
  addConfigCommands(commands, context);
  program
    .command('version')
    .description('the version of this program')
    .action(() => {
      context.printer.out(context.version);
      done(0);
    });
  return program;
}

/** What programs the proxy, or shows with what it would be. */
function addApplyCommands({ command, act }: CommandLine, context: Context): void {
  const adopt = ['--adopt', 'take over a proxy configuration that is not ours; it is kept as generation 0'] as const;
  command('run', 'watch the catalogs and program the proxy', [
    'hind-proxy run',
    'hind-proxy run --consul 127.0.0.1:8500 --proxy traefik',
    'hind-proxy run --once --dry-run',
  ])
    .addHelpText('after', '\nTERM and INT end it, and the proxy serves on. HUP reads the configuration anew; a wrong one keeps the old.')
    .option('--once', 'one cycle, then end')
    .option('--dry-run', 'apply nothing; exit 3 where something would change')
    .option(...adopt)
    .action(act(async (flags: RunFlags) => (await import('./run.ts')).run(flags, context)));
  command('apply', 'one cycle with its stages and times', ['hind-proxy apply --once --config hind-proxy.yaml'])
    .option('--once', 'one cycle, then end (always so)')
    .option(...adopt)
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
}

/** Tags of one service in another dialect. */
function addConvertCommand({ command, act }: CommandLine, context: Context): void {
  const convert = command('convert', 'write the tags of one service in another dialect; what is lost is said with a caret', [
    "hind-proxy convert 'urlprefix-app.example.com/api strip=/api' --to traefik --service app",
    "hind-proxy convert 'https://app.example.com' --to fabio --explain",
    "hind-proxy convert 'traefik.enable=true' 'traefik.http.routers.a.rule=Host(`a.io`)' --to fabio --json",
    'nomad job inspect app | jq -r .Job.TaskGroups[0].Services[0].Tags[] | hind-proxy convert --to hind --strict',
  ])
    .argument('[tag...]', 'tags of one service; none or - reads stdin: lines, a JSON list, or a service as JSON')
    // not required by the parser, which would not tell of an unknown option beside it
    .option('--to <dialect>', 'fabio, hind or traefik (required)')
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
  const missing = (): string => (convert.opts<ConvertFlags>().to === undefined ? `error: ${NO_DIALECT}\n` : '');
  convert.configureOutput({ outputError: (text, write) => write(text + missing()) });
}

/** What the routes are and why. */
function addQuestionCommands({ command, act }: CommandLine, context: Context): void {
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
}

/** How things are. */
function addStateCommands({ command, act }: CommandLine, context: Context): void {
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
}

/** Earlier configurations, and holding on to one. */
function addGenerationCommands({ command, act }: CommandLine, context: Context): void {
  command('generations', 'every configuration that the proxy was given', ['hind-proxy generations'])
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./generations.ts')).showGenerations(flags, context)));
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
    act(async (flags: ShowFlags) => (await import('./generations.ts')).unpin(flags, context)),
  );
  command('guard', 'which removals are held and why; accept lets them through', ['hind-proxy guard', 'hind-proxy guard accept'])
    .argument('[accept]', 'let them through')
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags, [action]) => (await import('./show.ts')).guard(action, flags, context)));
}

/** Programs that run for long, and whether one is well. */
function addProcessCommands({ command, plainCommand, act }: CommandLine, context: Context): void {
  command('exec-proxy', 'run the proxy as a child, from its last good configuration', [
    'hind-proxy exec-proxy',
    'PROXY_SERVER=traefik hind-proxy exec-proxy',
  ])
    .addHelpText(
      'after',
      '\nTERM and INT end the proxy with it. HUP changes nothing; where it was started in a terminal, closing that ends both.',
    )
    .action(act(async (flags: GlobalFlags) => (await import('./exec-proxy.ts')).execProxy(flags, context)));
  command('health', 'exit 0 where the controller is alive, be it degraded, 1 where it is dead or does not run; says what is wrong', [
    'hind-proxy health',
  ])
    .option('--json', 'as JSON')
    .action(act(async (flags: ShowFlags) => (await import('./show.ts')).health(flags, context)));
  plainCommand('demo', 'everything at once on loopback, to look at and to change', [
    'npm start',
    'npm start -- --proxy traefik',
    'npm start -- --consul',
  ])
    .option('--proxy <server>', 'caddy or traefik')
    .option('--consul', 'with a Consul agent instead of a service file')
    .option('-v, --verbose', 'with the log of the controller')
    .action(act(async (flags: DemoFlags) => (await import('./demo.ts')).demo(flags, context)));
}
