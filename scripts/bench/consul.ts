import { request, type IncomingMessage } from 'node:http';
import { mapLimited } from '../../src/lib/async.ts';
import { freePorts } from '../../test/support/process.ts';
import { waitFor, type Lab } from './lab.ts';

/** An agent with the services of one measurement: `s1` to `sN`, each with one instance whose health check passes. */
export interface Catalog {
  /** `http://host:port`. */
  readonly address: string;
  readonly count: number;
  /** Registers a new instance of a service on `port`, then deregisters the old one. Returns when Consul has taken both. */
  replace(service: number, port: number): Promise<void>;
  /** Where the instance of a service listens. */
  portOf(service: number): number;
}

/** The host of a service's only route. */
export function hostOf(service: number): string {
  return `s${service}.bench`;
}

/** Starts a Consul agent, one server by itself, and registers `count` services on `port`. */
export async function startCatalog(lab: Lab, { count, port }: { readonly count: number; readonly port: number }): Promise<Catalog> {
  const [http = 0, rpc = 0, serf = 0] = await freePorts(3);
  const off = ['-grpc-port', '-grpc-tls-port', '-dns-port', '-serf-wan-port'].flatMap((name) => [name, '-1']);
  const ports = ['-http-port', `${http}`, '-server-port', `${rpc}`, '-serf-lan-port', `${serf}`];
  const limits = ['-hcl', 'limits { http_max_conns_per_client = 8192 }'];
  const addresses = ['-bind', '127.0.0.1', '-client', '127.0.0.1'];
  const agent = lab.start(lab.paths.get('consul') ?? 'consul', [
    'agent',
    '-dev',
    ...addresses,
    ...ports,
    ...off,
    ...limits,
    '-log-level',
    'error',
  ]);
  const address = `http://127.0.0.1:${http}`;
  const hasLeader = async (): Promise<boolean> => {
    if (agent.child.exitCode !== null) throw new Error('it has ended');
    return fetch(`${address}/v1/status/leader`).then(
      async (answer) => answer.ok && (await answer.text()).length > 4,
      () => false,
    );
  };
  await waitFor('Consul', hasLeader, { signal: lab.signal }).catch((error: unknown) => {
    throw new Error(`Cannot start Consul: ${agent.output().slice(-500)}`, { cause: error });
  });
  const instances = new Map<number, { readonly turn: number; readonly port: number }>();
  const services = Array.from({ length: count }, (_, index) => index + 1);
  await mapLimited(services, 16, (service) => register(service, { turn: 0, port }));
  return {
    address,
    count,
    async replace(service, newPort) {
      const turn = instances.get(service)?.turn ?? 0;
      await register(service, { turn: turn + 1, port: newPort });
      await put(`${address}/v1/agent/service/deregister/s${service}-${turn}`);
    },
    portOf: (service) => instances.get(service)?.port ?? 0,
  };

  async function register(service: number, instance: { readonly turn: number; readonly port: number }): Promise<void> {
    const id = `s${service}-${instance.turn}`;
    await put(`${address}/v1/agent/service/register`, {
      Name: `s${service}`,
      ID: id,
      Address: '127.0.0.1',
      Port: instance.port,
      Tags: [`urlprefix-${hostOf(service)}/`],
      Check: { CheckID: `check-${id}`, Name: 'up', TTL: '24h', Status: 'passing' },
    });
    instances.set(service, instance);
  }
}

async function put(url: string, body?: object): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { method: 'PUT' }, resolve);
    asked.once('error', reject);
    asked.end(body && JSON.stringify(body));
  });
  const text = (await answer.setEncoding('utf8').toArray()).join('');
  if (answer.statusCode !== 200) throw new Error(`Cannot write to Consul: ${url} answered ${answer.statusCode} ${text}`);
}
