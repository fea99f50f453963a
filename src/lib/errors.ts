/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The chain of messages of an error and its causes, outermost first. */
export function causesOf(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at !== undefined && messages.length < 5; at = at instanceof Error ? at.cause : undefined) {
    const message = messageOf(at);
    if (!messages.includes(message)) messages.push(message);
  }
  return messages.join(': ');
}

/** The code of an error of the system, such as `ENOENT`; undefined for any other. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
