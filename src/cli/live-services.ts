import { deadline } from '../lib/abort.ts';
import { messageOf } from '../lib/errors.ts';
import { mapLimited } from '../lib/async.ts';
import { groupBy } from '../lib/sort.ts';
import { createNomad, type Nomad } from '../nomad/client.ts';
import { nomadConnection } from '../nomad/connection.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Setup } from './setup.ts';
import { createDialects } from './dialects.ts';
import { createSources } from './sources.ts';

/** Where services are read. */
export type LiveCatalog = 'consul' | 'nomad';

/** A job by its id and namespace. */
export interface JobName {
  readonly id: string;
  readonly namespace: string;
}

/** Instances of one service that register the same tags. */
export interface LiveService {
  readonly service: string;
  readonly owner: string;
  /** How many there are. */
  readonly instances: number;
  readonly port: number;
  readonly tags: readonly string[];
  /** Who registers them, where that is known. */
  readonly job?: JobName;
  /** Allocations of Nomad that register them through Consul. */
  readonly allocation?: string;
  /** For instances that no job of Nomad registers: the nodes whose agents do. */
  readonly nodes: readonly string[];
}

const READ_MS = 30_000;
const AT_ONCE = 8;

/** The services of a catalog that have routing tags, in order. Reads only. Throws `CommandError` where it does not answer. */
export async function liveServices(from: LiveCatalog, setup: Setup, signal: AbortSignal): Promise<readonly LiveService[]> {
  try {
    return await (from === 'consul' ? fromConsul(setup, signal) : fromNomad(setup, signal));
  } catch (error) {
    if (signal.aborted || error instanceof TypeError) throw error;
    throw new CommandError(`Cannot read ${from}: ${messageOf(error)}`, EXIT.unreachable);
  }
}

/** A client of the Nomad that a set-up names, or of the usual one; undefined where none answers. */
export async function reachableNomad(setup: Pick<Setup, 'config' | 'env'>, signal: AbortSignal): Promise<Nomad | undefined> {
  const nomad = nomadOf(setup);
  const answers = await nomad.hasLeader(deadline(3000, signal)).catch(() => false);
  if (answers) return nomad;
  await nomad.close();
  return undefined;
}

/** Services with the jobs of their allocations, as far as Nomad knows them. */
export async function withJobs(services: readonly LiveService[], nomad: Nomad, signal: AbortSignal): Promise<readonly LiveService[]> {
  return mapLimited(services, AT_ONCE, async (service) => {
    if (service.job || service.allocation === undefined) return service;
    const found = await nomad.jobs.ofAllocation(service.allocation, signal).catch(() => undefined);
    return found ? { ...service, job: { id: parentOf(found.JobID), namespace: found.Namespace } } : service;
  });
}

function nomadOf({ config, env }: Pick<Setup, 'config' | 'env'>): Nomad {
  const { address, tokenFile } = config.sources.nomad || {};
  return createNomad(nomadConnection(env, { address, tokenFile }));
}

async function fromConsul(setup: Setup, signal: AbortSignal): Promise<readonly LiveService[]> {
  const { config } = setup;
  const sources = { ...config.sources, consul: config.sources.consul || undefined, file: undefined };
  const only = { ...setup, config: { ...config, sources, services: [] }, loaded: { ...setup.loaded, named: new Set(['consul'] as const) } };
  const [watched] = await createSources(only);
  if (!watched) throw new TypeError('Consul was asked for');
  const enough = new AbortController();
  for await (const event of watched.source.watch(AbortSignal.any([deadline(READ_MS, signal), enough.signal]))) {
    // nothing waits for the next change
    enough.abort();
    if (event.kind === 'failed') throw event.error;
    const groups = groupBy(event.snapshot.instances, ({ owner, service, tags }) => JSON.stringify([owner, service, tags]));
    return [...groups.values()].flatMap((group): readonly LiveService[] => {
      const [first] = group;
      if (!first) return [];
      const { service, owner, port, tags } = first;
      const allocations = group.flatMap(({ instance }) => /\/_nomad-task-([0-9a-f-]{36})-/.exec(instance)?.[1] ?? []);
      const others = group.filter(({ instance }) => !instance.includes('/_nomad-'));
      const nodes = [...new Set(others.flatMap(({ node }) => node ?? []))];
      const [allocation] = allocations;
      return [{ service, owner, instances: group.length, port, tags, nodes, ...(allocation !== undefined && { allocation }) }];
    });
  }
  throw new Error(`it did not answer within ${READ_MS} ms`);
}

async function fromNomad(setup: Setup, signal: AbortSignal): Promise<readonly LiveService[]> {
  const nomad = nomadOf(setup);
  const reading = deadline(READ_MS, signal);
  const dialects = createDialects(setup);
  const isRouted = (tags: readonly string[]): boolean => tags.some((tag) => dialects.some((dialect) => dialect.recognises(tag)));
  try {
    const { body } = await nomad.services.list('*', reading);
    const named = body.flatMap(({ Namespace: namespace, Services }) =>
      Services.filter(({ Tags }) => isRouted(Tags)).map(({ ServiceName: name }) => ({ namespace, name })),
    );
    const rows = await mapLimited(named, AT_ONCE, async ({ namespace, name }) => (await nomad.services.get(name, namespace, reading)).body);
    const groups = groupBy(rows.flat(), ({ Namespace, ServiceName, JobID, Tags }) => JSON.stringify([Namespace, ServiceName, JobID, Tags]));
    return [...groups]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([, group]): readonly LiveService[] => {
        const [first] = group;
        if (!first) return [];
        const { ServiceName: service, Namespace: namespace, JobID, Tags: tags, Port: port } = first;
        const job = JobID === '' ? undefined : { id: parentOf(JobID), namespace };
        return [{ service, owner: namespace, instances: group.length, port, tags, nodes: [], ...(job && { job }) }];
      });
  } finally {
    await nomad.close();
  }
}

/** Runs of periodic and parameterized jobs have ids of their own; what is changed is the job. */
function parentOf(id: string): string {
  return id.replace(/\/(?:periodic|dispatch)-.*$/, '');
}
