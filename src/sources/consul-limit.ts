import { Agent as HttpsAgent } from 'node:https';
import { Agent as HttpAgent } from '../lib/http.ts';
import type { Scope } from '../lib/scope.ts';
import { socketOptions, type ConsulConnection } from './consul-connection.ts';

const READ_MS = 2000;

/**
 * `limits.http_max_conns_per_client` of the agent: how many connections of one address it holds at once, infinite where it does not
 * count. Undefined where it does not say: that takes the right agent:read. Asked with the `consul` package, because no header matters.
 */
export async function connectionLimitOf(connection: ConsulConnection, scope: Scope): Promise<number | undefined> {
  const { origin, auth } = connection;
  const token = connection.token();
  const baseUrl = new URL(`${origin}/v1`);
  const [user = '', ...password] = (auth?.reveal() ?? '').split(':');
  [baseUrl.username, baseUrl.password] = [encodeURIComponent(user), encodeURIComponent(password.join(':'))];
  // an idle connection of its own would count
  const agent = origin.startsWith('https:') ? new HttpsAgent() : new HttpAgent();
  const release = scope.onEnd(() => agent.destroy());
  // `baseUrl`, `timeout` and the socket options are read by the package and missing from its types
  const options = { baseUrl, agent, timeout: READ_MS, ...socketOptions(connection), defaults: token ? { token: token.reveal() } : {} };
  // used once, and large
  const { default: Consul } = await import('consul');
  const self: unknown = await new Consul(options).agent.self().catch(() => undefined);
  release();
  agent.destroy();
  const limit = propertyOf(propertyOf(self, 'DebugConfig'), 'HTTPMaxConnsPerClient');
  if (typeof limit !== 'number') return undefined;
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}
