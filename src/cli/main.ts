import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminAddressError } from '../admin/address-error.ts';
import { ConfigError } from '../config/error.ts';
import type { Env } from '../config/environment.ts';
import { causesOf } from '../lib/errors.ts';
import { commandFirst } from './command-first.ts';
import { CommandError, EXIT } from './errors.ts';
import { normaliseArguments } from './flags.ts';
import { createPrinter, isAsciiOnly, wantsColor } from './print.ts';
import { parserExitCode } from './command-line.ts';
import { createProgram } from './program.ts';

/** What the program needs of the process it runs in. */
export interface ProcessHooks {
  readonly args: readonly string[];
  readonly env: Env;
  readonly onSignal: (name: 'SIGINT' | 'SIGTERM', listener: () => void) => void;
  readonly exit: (code: number) => never;
}

/** How long an orderly end may take after the first signal. */
const SHUTDOWN_MS = 9500;
/** Signals that come this soon after each other are one. */
const SAME_SIGNAL_MS = 500;

/** Runs the command that the arguments name. Returns the exit code; a second signal ends at once. */
export async function main({ args, env, onSignal, exit }: ProcessHooks): Promise<number> {
  const ending = new AbortController();
  let interrupted: number | undefined;
  let endingAtMs = 0;
  const end = (code: number) => (): void => {
    // a terminal signals the whole process group, and npm passes it on once more
    if (ending.signal.aborted && performance.now() - endingAtMs < SAME_SIGNAL_MS) return;
    if (ending.signal.aborted) exit(code);
    interrupted = code;
    endingAtMs = performance.now();
    ending.abort();
    setTimeout(() => exit(code), SHUTDOWN_MS).unref();
  };
  onSignal('SIGINT', end(130));
  onSignal('SIGTERM', end(143));
  // nobody hears what is said any more, as after a terminal was closed: what is under way comes to its end all the same
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // whoever reads has seen enough
    if (error.code === 'EPIPE') exit(EXIT.ok);
    process.stderr.write(`hind-proxy: Cannot write the output: ${error.message}\n`);
    exit(EXIT.failed);
  });

  const { args: normalised, ignored } = normaliseArguments(args);
  const onTerminal = wantsColor(env, process.stdout) && wantsColor(env, process.stderr);
  const printer = createPrinter({ color: !args.includes('--no-color') && onTerminal, asciiOnly: isAsciiOnly(env) });
  for (const name of ignored) printer.say(`-${name} of consul-template has no effect here`);
  let code: number = EXIT.ok;
  const program = createProgram({ env, printer, signal: ending.signal, version: packageVersion() }, (exitCode) => (code = exitCode));
  try {
    await program.parseAsync(commandFirst(normalised, program), { from: 'user' });
  } catch (error) {
    const isInterruption = error instanceof Error && error.name === 'AbortError';
    if (interrupted !== undefined && isInterruption) return interrupted;
    return exitCodeOf(error, (line) => printer.say(line));
  }
  // a controller that was told to end has done its work; a command that was interrupted has not
  return interrupted === 130 && code !== EXIT.ok ? 130 : code;
}

function exitCodeOf(error: unknown, say: (line: string) => void): number {
  const parsed = parserExitCode(error);
  if (parsed !== undefined) return parsed === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError || error instanceof AdminAddressError || error instanceof RangeError) {
    say(error.message);
    return EXIT.usage;
  }
  if (error instanceof CommandError) {
    say(error.message);
    return error.exitCode;
  }
  if (error instanceof TypeError) throw error;
  if (error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd') {
    say('Cannot find the current directory: it was removed; start hind-proxy in another one');
    return EXIT.failed;
  }
  say(causesOf(error));
  return EXIT.failed;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { readonly version: string };
  return version;
}
