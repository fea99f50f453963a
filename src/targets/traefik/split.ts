import type { Backend } from '../../model/pool.ts';
import { orNone, type Named } from './named.ts';
import type { Defaults, HttpMiddleware, HttpService } from './schema.ts';
import { cookieOf } from './services.ts';

/** One share of the requests: a pool behind middlewares, or middlewares that answer themselves. */
export interface PartService {
  readonly weight: number;
  readonly middlewares: readonly Named<HttpMiddleware>[];
  readonly backend?: Backend;
}

/**
 * The services of a split, the one that chooses first. It chooses as its pools do: by the client's address where they all do, and with
 * a cookie where one of them keeps its clients. A pool without healthy instances gets nothing where all of them are checked.
 */
export function splitOf(id: string, parts: readonly PartService[]): readonly Named<HttpService>[] {
  const pools = parts.flatMap(({ backend }) => backend ?? []);
  const services = parts.map((part, index) => ({ name: nameOf(id, part, index), weight: part.weight }));
  const healthCheck = pools.length === parts.length && pools.every((pool) => pool.healthCheck) ? {} : undefined;
  const sticky = pools.find((pool) => pool.sticky)?.sticky;
  const cookie = sticky && cookieOf({ ...sticky, ...(sticky.name !== undefined && { name: `${sticky.name}-part` }) });
  const hashed = pools.length === parts.length && !sticky && pools.every(({ loadBalancing }) => loadBalancing === 'ipHash');
  const chooser: HttpService = hashed
    ? { highestRandomWeight: { services, healthCheck } }
    : { weighted: { services, sticky: cookie && { cookie }, healthCheck } };
  const own = parts.flatMap((part, index) => (isPlain(part) ? [] : [partService(nameOf(id, part, index), part, healthCheck)]));
  return [{ name: `${id}-split`, value: chooser }, ...own];
}

function partService(name: string, { middlewares, backend }: PartService, healthCheck: Defaults | undefined): Named<HttpService> {
  const chain = orNone(middlewares.map((middleware) => middleware.name));
  return {
    name,
    value: backend
      ? { middlewares: chain, weighted: { services: [{ name: backend.id, weight: 1 }], healthCheck } }
      : { middlewares: chain, loadBalancer: { servers: [] } },
  };
}

/** A pool without middlewares needs no service before it. */
function isPlain({ middlewares, backend }: PartService): boolean {
  return backend !== undefined && middlewares.length === 0;
}

function nameOf(id: string, part: PartService, index: number): string {
  return part.backend && isPlain(part) ? part.backend.id : `${id}-part${index}`;
}
