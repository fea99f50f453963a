/** How a program ended: its exit code and what it said, or why it could not be run. */
export type Execution =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Runs a program to its end with an argument list, never a shell. Its environment holds only `env`: what stands in ours could be
 * expanded by the program. Output is cut at 1 MiB.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  { env, timeoutMs, signal }: { readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Execution> {
  // seldom used, and large
  const { execa } = await import('execa');
  const result = await execa(file, args, {
    env,
    extendEnv: false,
    reject: false,
    timeout: timeoutMs,
    cancelSignal: signal,
    maxBuffer: 1_048_576,
    stdin: 'ignore',
  });
  if (result.exitCode !== undefined) return { kind: 'exited', code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  return {
    kind: 'failed',
    reason: result.timedOut ? `it did not end within ${timeoutMs} ms` : (result.shortMessage ?? 'it could not be run'),
  };
}
