import { createBucket } from '../lib/bucket.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { ConsulError } from './consul-client.ts';

/** What people are told of Consul: each thing once, and failures of single services a few times. */
export interface ConsulNotes {
  budget(fields: { readonly services: number; readonly limit: number; readonly watched: number; readonly poll_s: number }): void;
  filtered(): void;
  tokenRefused(error: Error): void;
  /** What was wrong with the token is over: the next time is another one. */
  tokenAccepted(): void;
  readFailed(service: string, error: unknown): void;
  epochOver(reason: string): void;
  namesRefused(services: readonly string[]): void;
  portless(service: string, instances: readonly string[]): void;
}

/** Notes that go to a log. */
export function createConsulNotes({ log, clock }: { readonly log: Log; readonly clock: Clock }): ConsulNotes {
  const told = new Set<string>();
  const failures = createBucket({ burst: 10, perSecond: 0.2, clock });
  return {
    budget(fields) {
      const message =
        'More services are routed than Consul holds connections for: only those that changed last are watched, the others are polled. Raise limits.http_max_conns_per_client of the agent, or give its HTTPS address';
      once('connection_budget', fields, message);
    },
    filtered() {
      const fields = { component: 'consul', event: 'catalog_filtered' };
      log.warn(fields, 'The token may not see everything: no removal is believed. Give it service_prefix "" read and node_prefix "" read');
    },
    tokenRefused(error) {
      if (told.has('token')) return;
      told.add('token');
      const fields = { component: 'consul', event: 'source_auth_failed', err: { message: error.message } };
      log.error(fields, 'Consul refuses the token; what is known stays, and its file is read until it is another one');
    },
    tokenAccepted: () => void told.delete('token'),
    readFailed(service, error) {
      if (error instanceof ConsulError && error.fault === 'limit')
        return once('connection_refused', {}, 'Consul refuses connections: fewer services are watched for a while');
      if (failures.take() > 0) return;
      const fields = { component: 'consul', event: 'service_read_failed', service, err: { message: String(error) } };
      log.warn(fields, 'A service cannot be read; what is known of it stays, and it is read again');
    },
    epochOver: (reason) => log.info({ component: 'consul', event: 'epoch_over', reason }, 'Everything is read again'),
    namesRefused(services) {
      for (const service of services)
        once('service_name_refused', { service }, 'A service is not routed: no request can carry its name', service);
    },
    portless(service, instances) {
      for (const instance of instances)
        once('instance_without_port', { service, instance }, 'An instance is not routed: it is registered without a port', instance);
    },
  };

  function once(event: string, fields: object, message: string, key = ''): void {
    if (told.has(`${event} ${key}`)) return;
    if (told.size > 10_000) told.clear();
    told.add(`${event} ${key}`);
    log.warn({ component: 'consul', event, ...fields }, message);
  }
}
