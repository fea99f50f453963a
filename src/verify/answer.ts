/** What came back from a proxy. */
export interface Answer {
  /** 0: nothing came back; `failure` says why. */
  readonly status: number;
  /** Names in lower case, in the order of the answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** SHA-256 of the first MiB of the body, in hex; `unending` for one that does not end. */
  readonly body: string;
  /** What the program received that answered in the place of an instance. */
  readonly echo?: Echo;
  readonly failure?: string;
}

/** `rawHeaders` of Node as names in lower case with their values. */
export function headerPairs(rawHeaders: readonly string[]): readonly (readonly [name: string, value: string])[] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [
    (rawHeaders[index * 2] ?? '').toLowerCase(),
    rawHeaders[index * 2 + 1] ?? '',
  ]);
}

/** What an instance got. */
export interface Echo {
  /** `address:port` of the instance that the program stands for. */
  readonly instance: string;
  /** How it was spoken to: `http`, `h2c`, `https`, `https as NAME`, `https unverified`. */
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  /** The Host header; that of the instance is written as its own address. */
  readonly host: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}
