/** One fault of a configuration, with its place where it came from a file. */
export interface ConfigFault {
  readonly key: string;
  /** A name for it, where it is one that others look for. */
  readonly code?: string;
  readonly message: string;
  /** Who says it where it is not the file: a variable, or the command line. */
  readonly from?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A configuration that cannot be used; the message lists all faults at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[], file?: string) {
    super(faults.map((fault) => describeFault(fault, file)).join('\n'));
    this.faults = faults;
  }
}

function describeFault({ key, code, message, from, line, column }: ConfigFault, file?: string): string {
  const place = from ?? [file, line, column].filter((part) => part !== undefined).join(':');
  return [place, key && !message.includes(`"${key}"`) ? key : '', code ?? '', message].filter((part) => part !== '').join(': ');
}
