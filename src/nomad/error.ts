/** Why a request gave nothing: an HTTP status, no connection, a body that is none, a stream that is refused, or one that fell silent. */
export type NomadFailure = 'status' | 'connection' | 'body' | 'refused' | 'silent';

/** A request that gave nothing. `status` is 0 where no answer came. */
export class NomadError extends Error {
  override readonly name = 'NomadError';
  readonly failure: NomadFailure;
  readonly status: number;

  constructor(message: string, options: { readonly failure: NomadFailure; readonly status?: number; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.failure = options.failure;
    this.status = options.status ?? 0;
  }
}
