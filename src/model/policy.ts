import type { Middleware } from './middleware.ts';
import type { TlsProfile } from './route.ts';

/** A named set of middlewares that the operator defines; tags refer to it by name, selectors attach it. */
export interface Policy {
  readonly name: string;
  /** In the order in which they act. */
  readonly middlewares: readonly Middleware[];
  readonly tlsProfile?: TlsProfile;
}
