import { fullJitterMs } from '../lib/async.ts';
import type { Clock } from '../lib/clock.ts';
import type { Scope } from '../lib/scope.ts';
import { ConsulError, type ConsulAnswer, type ConsulClient } from './consul-client.ts';

/** Where the list of services is. */
export const LIST = '/v1/catalog/services';

/** Reads without index, the only ones that prove anything, and what follows when one fails. */
export interface ConsulReads {
  /**
   * The list of services, later where the agent has too many connections. `isConsistent`: with all that was ever registered, where else a
   * leader that starts answers with the part of its log that it has read so far. Throws `ConsulError` where there is no evidence.
   */
  list(options?: { readonly isConsistent?: boolean }): Promise<ConsulAnswer>;
  /** One service, until `own` ends. Throws `ConsulError` where there is no evidence. */
  service(name: string, own: Scope): Promise<ConsulAnswer>;
  /**
   * How long to leave a service alone that could not be read, in ms. Throws where it concerns everything: a token that may not read the list
   * either, a lost leader.
   */
  pauseAfter(error: unknown, attempt: number): Promise<number>;
}

/** Reads of one epoch; `onLimit` is called when the agent refuses a connection. */
export function createConsulReads(options: {
  readonly client: ConsulClient;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly onLimit: () => void;
}): ConsulReads {
  const { client, scope, clock, onLimit } = options;
  let probing: Promise<boolean> | undefined;
  let listing: Promise<unknown> | undefined;
  return {
    list,
    service: async (name, own) => trusted(await client.read(servicePath(name), own)),
    pauseAfter,
  };

  async function list({ isConsistent = false } = {}): Promise<ConsulAnswer> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return trusted(await client.read(LIST, scope, { isConsistent }));
      } catch (error) {
        if (!isLimit(error) || attempt === 5) throw error;
        await scope.sleep(await pauseAfter(error, attempt));
      }
    }
  }

  async function pauseAfter(error: unknown, attempt: number): Promise<number> {
    if (scope.isOver || !(error instanceof ConsulError)) throw error;
    if (error.fault === 'agent' && !(await hasLeader())) throw error;
    if (error.fault === 'token') await maySeeList();
    if (error.fault === 'limit') onLimit();
    const baseMs = error.fault === 'request' || error.fault === 'token' ? 500 : 100;
    return error.retryAfterMs ?? fullJitterMs({ attempt, baseMs, maxMs: 10_000, clock });
  }

  /** Throws where the token may not; one read for all who ask. */
  function maySeeList(): Promise<unknown> {
    listing ??= list().finally(() => {
      listing = undefined;
    });
    return listing;
  }

  /** One probe for all who ask. */
  function hasLeader(): Promise<boolean> {
    probing ??= client.hasLeader(scope).finally(() => {
      probing = undefined;
    });
    return probing;
  }
}

/** Where the instances of a service are. */
export function servicePath(name: string): string {
  return `/v1/health/service/${encodeURIComponent(name)}`;
}

/** Whether a read failed because the agent has too many connections. */
export function isLimit(error: unknown): boolean {
  return error instanceof ConsulError && error.fault === 'limit';
}

/** An answer that may prove an absence. Throws where it cannot. */
function trusted(answer: ConsulAnswer): ConsulAnswer {
  const { blind, knownLeader, index } = answer;
  if (blind)
    throw new ConsulError(
      'Cannot read Consul without a token: its ACLs deny by default, expected one with service_prefix "" read and node_prefix "" read in sources.consul.tokenFile, CONSUL_HTTP_TOKEN_FILE or CONSUL_HTTP_TOKEN',
      { fault: 'token' },
    );
  if (!knownLeader) throw new ConsulError('Cannot trust an answer of Consul: it knows no leader', { fault: 'agent' });
  if (index <= 1n)
    throw new ConsulError(`Cannot trust an answer of Consul: its index is ${index}, as before anything was registered`, { fault: 'agent' });
  return answer;
}
