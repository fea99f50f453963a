import { Command, CommanderError, Option } from 'commander';

export type { Command };

/** What an action gets of the command line beside its flags: a variadic argument arrives as one list. */
export type Arguments = readonly (string | undefined)[];

/** What a command does; it says by its type which flags its options make. Its value is the exit code. */
export type Action = (flags: never, args: Arguments) => number | Promise<number>;

/** The commands as they are added to a program. */
export interface CommandLine {
  /** Adds a command that takes the flags which all of them take. */
  readonly command: (name: string, description: string, examples: readonly string[]) => Command;
  /** Adds a command without them. */
  readonly plainCommand: (name: string, description: string, examples: readonly string[]) => Command;
  /** Adds a command that only has commands of its own, to be added to what is returned. */
  readonly group: (name: string, description: string) => CommandLine;
  /** The action of a command. */
  readonly act: (action: Action) => (...all: unknown[]) => Promise<void>;
}

/** Adds commands to a program or to one of its commands. `done` gets the exit code of the command that ran. */
export function createCommandLine(program: Command, done: (exitCode: number) => void): CommandLine {
  return { command, plainCommand, group, act };

  function command(name: string, description: string, examples: readonly string[]): Command {
    const added = plainCommand(name, description, examples);
    addGlobalFlags(added);
    return added;
  }

  function plainCommand(name: string, description: string, examples: readonly string[]): Command {
    const added = program.command(name).description(description).exitOverride();
    added.showHelpAfterError(`(hind-proxy help ${pathOf(added)} shows its flags and examples)`);
    return added.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
  }

  function group(name: string, description: string): CommandLine {
    const added = program.command(name).description(description).exitOverride();
    return createCommandLine(added.showHelpAfterError(`(hind-proxy help ${pathOf(added)} lists its commands)`), done);
  }

  /** The parser gives the arguments, the flags, and the command. */
  function act(action: Action): (...all: unknown[]) => Promise<void> {
    return async (...all) => done(await action(all.at(-2) as never, all.slice(0, -2) as Arguments));
  }
}

/** A program that knows its version and ends by an error that `parserExitCode` understands. */
export function newProgram(description: string, version: string): Command {
  return new Command('hind-proxy')
    .description(description)
    .version(version, '--version')
    .showHelpAfterError('(hind-proxy help lists the commands)')
    .exitOverride();
}

/** The exit code with which the parser ends (help, version, wrong usage); undefined for errors of others. */
export function parserExitCode(error: unknown): number | undefined {
  return error instanceof CommanderError ? error.exitCode : undefined;
}

/** A command as it is typed, without the name of the program. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function addGlobalFlags(command: Command): void {
  command
    .option('--config <file>', 'configuration: YAML, JSON or TOML; default: the file that HIND_PROXY_CONFIG names')
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
