import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, startProcess, tempDir, type Ending } from './process.ts';
import { until } from './until.ts';

/** A real agent, a server by itself. */
export interface RealConsul {
  readonly port: number;
  readonly httpsPort: number;
  readonly socketPath: string;
  /** Sends a write; answers with what it returned. */
  put(path: string, body?: unknown): Promise<unknown>;
}

/** Starts a dev agent whose data goes with it; it ends with the test. `config` is added to its configuration, `token` sent with writes. */
export async function startConsul(
  t: Ending,
  binary: string,
  { config = {}, token }: { readonly config?: object; readonly token?: string } = {},
): Promise<RealConsul> {
  const dir = await tempDir(t);
  const [http = 0, https = 0, server = 0, serf = 0] = await freePorts(4);
  const file = join(dir, 'agent.json');
  const socketPath = join(dir, 'http.sock');
  const hasTls = 'tls' in config;
  await writeFile(
    file,
    JSON.stringify({
      ports: { http, https: hasTls ? https : -1, server, serf_lan: serf, serf_wan: -1, grpc: -1, grpc_tls: -1, dns: -1 },
      addresses: { http: `127.0.0.1 unix://${socketPath}` },
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      ...config,
    }),
  );
  const agent = startProcess(t, binary, ['agent', '-dev', '-log-level', 'error', '-config-file', file], { cwd: dir });
  const base = `http://127.0.0.1:${http}`;
  const headers = token === undefined ? {} : { 'X-Consul-Token': token };
  // the agent registers itself a moment after it has a leader
  const isReady = async (): Promise<boolean> => {
    const answer = await fetch(`${base}/v1/catalog/services`, { headers });
    return answer.ok && (await answer.text()).includes('"consul"');
  };
  await until('Consul', isReady, 30_000).catch((error: unknown) => {
    throw new Error(agent.output(), { cause: error });
  });
  return {
    port: http,
    httpsPort: https,
    socketPath,
    async put(path, body) {
      const answer = await fetch(`${base}${path}`, { method: 'PUT', headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${text}`);
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
  };
}
