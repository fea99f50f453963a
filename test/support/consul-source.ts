import type { TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import type { Log } from '../../src/lib/log.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { createConsulSource, type ConsulSourceOptions } from '../../src/sources/consul.ts';
import type { Source } from '../../src/sources/source.ts';
import { watchSource, type Watched } from '../contract/source.ts';
import { until } from './until.ts';

/** One line of a log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A source under test. */
export interface ConsulWorld extends Watched {
  readonly source: Source;
  readonly lines: readonly LogLine[];
  instances(): readonly ServiceInstance[];
  doubt(): string | undefined;
  failures(): readonly string[];
}

/** What a test may say of its source; `env` is beside the address. */
export type ConsulOptions = Partial<ConsulSourceOptions> & { readonly env?: Readonly<Record<string, string>> };

/** A source of the agent at an address that reads services with tags `urlprefix-…`. */
export function consulSourceOf(address: string, { env, ...rest }: ConsulOptions = {}): Source & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const source = createConsulSource({
    connection: consulConnection({ CONSUL_HTTP_ADDR: address, ...env }),
    isRoutingTag: (tag) => tag.startsWith('urlprefix-'),
    resyncMs: 30_000,
    clock: systemClock,
    log: collect(lines),
    ...rest,
  });
  return { ...source, lines };
}

/** Watches such a source; `isSynced: false`: without waiting for its first snapshot. */
export async function watchConsul(
  t: TestContext,
  address: string,
  { isSynced = true, ...options }: ConsulOptions & { readonly isSynced?: boolean } = {},
): Promise<ConsulWorld> {
  const source = consulSourceOf(address, options);
  const watched = watchSource(t, source);
  if (isSynced) await until('the first snapshot', () => watched.snapshots().length > 0);
  return {
    ...watched,
    source,
    lines: source.lines,
    instances: () => watched.snapshots().at(-1)?.instances ?? [],
    doubt: () => watched.snapshots().at(-1)?.doubt,
    failures: () => watched.events.flatMap((event) => (event.kind === 'failed' ? [event.error.message] : [])),
  };
}

function collect(lines: LogLine[]): Log {
  const at = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: Object.fromEntries(Object.entries(fields)), message });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log };
  return log;
}
