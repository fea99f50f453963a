import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, startProcess, tempDir, type Ending } from './process.ts';
import { until } from './until.ts';

/** A real Nomad agent, server and client in one, that runs jobs with raw_exec. */
export interface NomadAgent {
  readonly address: string;
  /** A job file as Nomad reads it. */
  readonly parse: (hcl: string) => Promise<object>;
  readonly submit: (job: object) => Promise<void>;
  /** Everything it has of a job. */
  readonly job: (id: string) => Promise<unknown>;
  readonly purge: (id: string) => Promise<void>;
}

/** Starts an agent on free ports of loopback and waits until it takes jobs. It ends with the test. */
export async function startNomad(t: Ending, binary: string): Promise<NomadAgent> {
  const dir = await tempDir(t);
  const [http = 0, rpc = 0, serf = 0] = await freePorts(3);
  const config = { ports: { http, rpc, serf }, plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }] };
  const file = join(dir, 'agent.json');
  await writeFile(file, JSON.stringify(config));
  startProcess(t, binary, ['agent', '-dev', '-bind=127.0.0.1', `-config=${file}`], { cwd: dir });
  const address = `http://127.0.0.1:${http}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${address}/v1/nodes`).then(
      async (answer) => (await answer.text()).includes('"ready"'),
      () => false,
    );
  await until('a ready node', isReady, 60_000);
  return {
    address,
    parse: (JobHCL) => call<object>('PUT', '/v1/jobs/parse', { JobHCL }),
    submit: async (Job) => void (await call('PUT', '/v1/jobs', { Job })),
    job: (id) => call('GET', `/v1/job/${id}`),
    purge: async (id) => void (await call('DELETE', `/v1/job/${id}?purge=true`)),
  };

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${address}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Cannot ${method} ${path}: Nomad answered ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }
}
