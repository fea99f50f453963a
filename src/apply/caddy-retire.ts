import { createAdminClient } from './admin-client.ts';

const LOAD_MS = 20_000;

/**
 * Makes a running Caddy stop accepting: it is given a configuration that listens nowhere, its own endpoint included. Requests that are
 * under way are answered, upgraded connections live on for `stream_close_delay`. Rejects where Caddy does not take it.
 */
export async function retireCaddy(admin: string, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ admin: { disabled: true, config: { persist: false } } });
  const answer = await createAdminClient(admin).call('POST', '/load', { timeoutMs: LOAD_MS, signal, body });
  if (answer.status !== 200) throw new Error(`Cannot retire Caddy: it answered ${answer.status} ${answer.body.slice(0, 200)}`);
}
