import { sha256 } from '../lib/hash.ts';
import { joinHostPort } from '../lib/host.ts';
import { sortedUnique } from '../lib/sort.ts';
import type { Evaluation, Outcome } from '../model/evaluation.ts';
import type { AuthUsers, Middleware } from '../model/middleware.ts';
import type { Backend } from '../model/pool.ts';

/**
 * What the tables say of a request that one answer does not show: limits, who may pass, health checks, times, shares. By name; equal
 * for two tables that ask the same. Hashes of passwords stand in it as a hash of themselves.
 */
export function factsOf({ route, outcomes }: Evaluation): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  const add = (name: string, value: string): void => void facts.set(name, [facts.get(name), value].filter(Boolean).join('; '));
  for (const { steps } of outcomes.slice(0, 1)) for (const { middleware } of steps) addMiddleware(middleware, add);
  for (const backend of new Set(outcomes.flatMap(({ answer }) => (answer.kind === 'forward' ? [answer.backend] : []))))
    addPool(backend, add);
  const shares = [...sharesOf(outcomes)].map(([name, share]) => `${name} ${(100 * share).toFixed(1)} %`);
  if (shares.length > 1) add('shares', sortedUnique(shares).join(', '));
  if (route?.tlsProfile) add('TLS profile', route.tlsProfile.name);
  return facts;
}

type Add = (name: string, value: string) => void;

function addMiddleware(middleware: Middleware, add: Add): void {
  switch (middleware.kind) {
    case 'ipAllow':
      return add('allowed addresses', sortedUnique(middleware.cidrs).join(' '));
    case 'ipDeny':
      return add('denied addresses', sortedUnique(middleware.cidrs).join(' '));
    case 'basicAuth':
    case 'digestAuth':
      add('users', usersText(middleware.users));
      return add('realm', middleware.realm ?? 'the usual one');
    case 'headers': {
      const removed = middleware.response.filter(({ value }) => value === '').map(({ name }) => name.toLowerCase());
      return removed.length === 0 ? undefined : add('headers taken from answers', sortedUnique(removed).join(' '));
    }
    case 'rateLimit':
    case 'inFlight':
    case 'circuitBreaker':
    case 'forwardAuth':
    case 'maxBody':
    case 'retry':
    case 'errors': {
      const { kind, ...options } = middleware;
      return add(kind, JSON.stringify(options));
    }
    default:
      return undefined;
  }
}

function addPool({ healthCheck, passiveHealthCheck, transport }: Backend, add: Add): void {
  if (healthCheck) add('health check', JSON.stringify(healthCheck));
  if (passiveHealthCheck) add('passive health check', JSON.stringify(passiveHealthCheck));
  const { dialTimeoutMs, responseTimeoutMs, idleTimeoutMs } = transport;
  const times = { dialTimeoutMs, responseTimeoutMs, idleTimeoutMs };
  if (JSON.stringify(times) !== '{}') add('times', JSON.stringify(times));
}

function usersText(users: AuthUsers): string {
  if (users.kind === 'policy') return `of policy ${users.policy}`;
  return sortedUnique(users.users.map(({ name, hash }) => `${name} ${sha256(hash).slice(0, 8)}`)).join(', ');
}

/** What share of the requests (0–1) each instance gets, by `address:port`; what answers without an instance has none. */
export function sharesOf(outcomes: readonly Outcome[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { share, answer } of outcomes) {
    if (answer.kind !== 'forward') continue;
    for (const { endpoint, share: part } of answer.instances) {
      const name = joinHostPort(endpoint.address, endpoint.port);
      shares.set(name, (shares.get(name) ?? 0) + share * part);
    }
  }
  return shares;
}
