import { parseHostname, parsePort } from '../../model/names.ts';
import {
  FASTEST_CHECK_MS,
  type HealthCheck,
  type LoadBalancing,
  type PassiveHealthCheck,
  type PoolOptions,
  type StickyCookie,
} from '../../model/pool.ts';
import type { Option } from './lex.ts';
import { noteAt, type Note, type Read } from './note.ts';

/** The balancing policies by their names in tags. */
export const BALANCING: ReadonlyMap<string, LoadBalancing> = new Map([
  ['round_robin', 'roundRobin'],
  ['random', 'random'],
  ['least_conn', 'leastConnections'],
  ['ip_hash', 'ipHash'],
  ['p2c', 'powerOfTwo'],
  ['least_time', 'leastTime'],
]);

/** The options that we add to Fabio's. */
export const EXTENSIONS = [
  'lb',
  'sticky',
  'health',
  'health.mode',
  'health.scheme',
  'health.host',
  'health.port',
  'health.method',
  'health.status',
  'health.interval',
  'health.timeout',
  'health.maxfails',
  'health.window',
] as const;

/** What the extensions ask of a pool. */
export type Extended = Pick<PoolOptions, 'loadBalancing' | 'sticky' | 'healthCheck' | 'passiveHealthCheck'>;

/** Reads our extensions, which Fabio ignores: each is said as such, and one that cannot be read leaves the default. */
export function readExtensions(options: ReadonlyMap<string, Option>): Read<Extended> {
  const notes: Note[] = [];
  const sticky = readSticky(options.get('sticky'));
  const healthCheck = readHealthCheck();
  const passiveHealthCheck = readPassive();
  const loadBalancing = valueOf('lb', [...BALANCING.keys()].join(', '), (text) => BALANCING.get(text)) ?? 'random';
  const value: Extended = {
    loadBalancing,
    ...(sticky && { sticky }),
    ...(healthCheck && { healthCheck }),
    ...(passiveHealthCheck && { passiveHealthCheck }),
  };
  return { value, notes };

  /** The value of an option in the form that its reader gives it; undefined where it is absent or cannot be read. */
  function valueOf<T>(key: (typeof EXTENSIONS)[number], expected: string, read: (text: string) => T | undefined): T | undefined {
    const option = options.get(key);
    if (!option) return undefined;
    const found = read(option.value);
    if (found === undefined)
      notes.push(
        noteAt(option, 'FABIO_EXTENSION_VALUE', `Cannot use "${option.value}" for \`${key}\`: expected ${expected}; the default is used`),
      );
    else notes.push(noteAt(option, 'FABIO_OPTION_EXTENSION', `\`${key}\` is an extension; Fabio ignores it`));
    return found;
  }

  function readSticky(option: Option | undefined): StickyCookie | undefined {
    if (!option || option.value === 'false') return undefined;
    const name = option.bare || option.value === 'true' ? '' : option.value;
    const readable = valueOf('sticky', 'the name of a cookie', () => (/^[A-Za-z0-9_-]{0,64}$/.test(name) ? name : undefined));
    return readable === undefined || readable === '' ? {} : { name: readable };
  }

  function readHealthCheck(): HealthCheck | undefined {
    const mode = valueOf('health.mode', 'http, grpc or tcp', (text) =>
      text === 'http' || text === 'grpc' || text === 'tcp' ? text : undefined,
    );
    const path = valueOf('health', 'a path', pathOf);
    const scheme = valueOf('health.scheme', 'http or https', (text) => (text === 'http' || text === 'https' ? text : undefined));
    const host = valueOf('health.host', 'a host name', parseHostname);
    const port = valueOf('health.port', '1 to 65535', parsePort);
    const method = valueOf('health.method', 'a method', (text) => (/^[A-Z]{1,16}$/.test(text) ? text : undefined));
    const status = valueOf('health.status', '100 to 599', (text) => (/^[1-5]\d\d$/.test(text) ? Number(text) : undefined));
    const intervalMs = valueOf('health.interval', `a duration such as 10s, at least ${FASTEST_CHECK_MS}ms`, intervalOf);
    const timeoutMs = valueOf('health.timeout', 'a duration such as 5s', durationOf);
    const checks = options.has('health') || (mode !== undefined && mode !== 'http');
    if (!checks) return undefined;
    return {
      mode: mode ?? 'http',
      headers: [],
      ...(mode === 'tcp' ? {} : { path: path ?? '/' }),
      ...(scheme && { scheme }),
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      ...(method !== undefined && { method }),
      ...(status !== undefined && { status }),
      ...(intervalMs !== undefined && { intervalMs }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
  }

  function readPassive(): PassiveHealthCheck | undefined {
    const maxFailures = valueOf('health.maxfails', '1 or more', (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined));
    const windowMs = valueOf('health.window', 'a duration such as 30s', durationOf);
    if (maxFailures === undefined && windowMs === undefined) return undefined;
    return { ...(maxFailures !== undefined && { maxFailures }), ...(windowMs !== undefined && { windowMs }) };
  }
}

/** `health` alone asks for `/`. Two slashes would begin a host. */
function pathOf(text: string): string | undefined {
  if (text === '') return '/';
  return /^\/(?!\/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$/.test(text) && !/%(?![0-9a-f]{2})/i.test(text) ? text : undefined;
}

function intervalOf(text: string): number | undefined {
  const ms = durationOf(text);
  return ms === undefined || ms < FASTEST_CHECK_MS ? undefined : ms;
}

/** Milliseconds from a number with ms, s or m; at least 1, at most a day. */
function durationOf(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})(ms|s|m)$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000);
  return unit !== '' && ms >= 1 && ms <= 86_400_000 ? ms : undefined;
}
