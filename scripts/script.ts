/** A script that people start and may interrupt. */
export interface Script {
  /** Says something on stderr, behind the name of the script. */
  readonly tell: (line: string) => void;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /**
   * Runs it with the arguments of the process and sets the exit code: what it returns; 1 where it throws, once the reasons are told; 130 where
   * it was interrupted.
   */
  readonly run: (main: (args: readonly string[]) => Promise<number>) => Promise<void>;
}

/** The script that this process is. */
export function openScript(name: string): Script {
  const tell = (line: string): void => console.error(`${name}: ${line}`);
  const ending = new AbortController();
  const { signal } = ending;
  for (const signalName of ['SIGINT', 'SIGTERM'] as const) process.on(signalName, () => ending.abort(new Error('Interrupted')));
  return {
    tell,
    signal,
    async run(main) {
      process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
        for (let cause = error; cause instanceof Error; cause = cause.cause) tell(cause.message);
        return signal.aborted ? 130 : 1;
      });
    },
  };
}
