/** Exit codes, as the manual lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, differences: 3, losses: 4, unreachable: 5, refused: 6 } as const;

/** A sentence and what to do about it; a hint of several lines stands below. */
export function withHint(message: string, hint: string | undefined): string {
  if (hint === undefined) return message;
  return hint.includes('\n') ? `${message}:\n${hint}` : `${message}. ${hint}`;
}

/** Ends a command with a sentence for people and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
