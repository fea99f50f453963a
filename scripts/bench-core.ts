import { parseArgs } from 'node:util';
import { startCore } from './bench/core.ts';
import { printColumns } from './bench/report.ts';
import { percentile } from './bench/stats.ts';

/** Measures our own work alone, without catalogs and proxies. Prints a table on stdout; exit code 0, or 2 for wrong usage. */

const HELP = `Usage: node scripts/bench-core.ts [options]

Measures what a cycle costs when one instance of many is replaced: from the catalog's snapshot to the bytes of both proxies'
configuration, in CPU time of this process's main thread. Each replacement is two cycles. The first cycle, which reads everything, is shown by itself.

Options:
  --services <list>    numbers of services (default 1000,10000)
  --instances <list>   instances of each service (default 1,10)
  --cycles <n>         cycles that are measured (default 40)
  --help               this text`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: 'string', default: '1000,10000' },
      instances: { type: 'string', default: '1,10' },
      cycles: { type: 'string', default: '40' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [services, instances] = [values.services, values.instances].map((list) => list.split(',').map(Number));
  const cycles = Number(values.cycles);
  if (![cycles, ...(services ?? []), ...(instances ?? [])].every((value) => Number.isInteger(value) && value > 0)) {
    console.error(`Cannot use the numbers of the options: expected whole numbers from 1\n\n${HELP}`);
    return 2;
  }
  const rows: (readonly string[])[] = [];
  for (const count of services ?? []) for (const each of instances ?? []) rows.push(await rowOf({ count, each, cycles }));
  const heads = [
    'services',
    'instances',
    'first ms',
    'compare',
    'plan',
    'Caddy',
    'Traefik',
    'with Caddy',
    'least',
    'p99',
    'with Traefik',
    'least',
    'p99',
  ];
  console.log(
    `${printColumns([heads, ...rows])}\n\n${cycles} cycles each, in CPU ms: medians, least, p99. Other programs make all but the least slower (shared caches).`,
  );
  return 0;
}

/** One line of the table. */
async function rowOf(options: { readonly count: number; readonly each: number; readonly cycles: number }): Promise<readonly string[]> {
  const { count, each, cycles } = options;
  const core = await startCore({ services: count, instances: each });
  const first = core.cycle();
  for (let turn = 0; turn < 4; turn += 1) core.replaceStep();
  const all = Array.from({ length: cycles }, () => core.replaceStep());
  const at = (share: number, pick: (times: (typeof all)[number]) => number): string => percentile(all.map(pick), share).toFixed(1);
  return [
    String(count),
    String(each),
    (first.compareMs + first.planMs + first.caddyMs).toFixed(0),
    at(0.5, ({ compareMs }) => compareMs),
    at(0.5, ({ planMs }) => planMs),
    at(0.5, ({ caddyMs }) => caddyMs),
    at(0.5, ({ traefikMs }) => traefikMs),
    at(0.5, ({ compareMs, planMs, caddyMs }) => compareMs + planMs + caddyMs),
    at(0, ({ compareMs, planMs, caddyMs }) => compareMs + planMs + caddyMs),
    at(0.99, ({ compareMs, planMs, caddyMs }) => compareMs + planMs + caddyMs),
    at(0.5, ({ compareMs, planMs, traefikMs }) => compareMs + planMs + traefikMs),
    at(0, ({ compareMs, planMs, traefikMs }) => compareMs + planMs + traefikMs),
    at(0.99, ({ compareMs, planMs, traefikMs }) => compareMs + planMs + traefikMs),
  ];
}
