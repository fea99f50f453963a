import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Figures, Finding, RunOptions } from '../test/fuzz/run.ts';
import { fuzzOnThreads } from '../test/fuzz/threads.ts';
import { openScript } from './script.ts';
import { ensureServers } from './servers.ts';

/**
 * Hostile tags beside a fixed victim. Prints figures on stdout, findings before them; exit code 0 when there is no finding, 1 when there
 * is one or something could not be run, 2 for wrong usage, 130 when interrupted.
 */

const HELP = `Usage: npm run fuzz -- [options]

Makes sets of hostile tags (tags of public job files and golden cases with attacks in them, tags by the grammar of each dialect with
attacks in the place of values, noise) and renders each beside a victim, for Caddy and Traefik. Nothing may throw or take longer than
50 ms; what the victim gets stays byte for byte the same, and its requests are answered as before; no file holds a control character, a
template, a variable or a placeholder of a tag. Batches of sets are read by the real programs: \`caddy adapt --validate\`, and a Traefik
whose API says that every part is served. A secret in their environment must not show.

Options:
  --sets <n>          sets (default 20000)
  --seconds <n>       end after so many seconds, whatever is left
  --seed <text>       the same seed gives the same sets (default: one of the clock, which is printed)
  --first <n>         number of the first set (default 0): with --sets 1 one set alone
  --batch <n>         sets in one configuration (default 500)
  --threads <n>       default: as many as processors, at most 8
  --no-proxies        leave the real programs out
  --most <n>          print at most so many findings (default 20)
  --json              figures and findings as JSON
  --help              this text

Examples:
  npm run fuzz
  npm run fuzz -- --sets 1000000 --seed 1
  npm run fuzz -- --seed 1 --first 7546 --sets 1`;

const { tell, signal, run } = openScript('fuzz');
await run(main);

interface Options extends Omit<RunOptions, 'binaries'> {
  readonly seconds: number | undefined;
  readonly threads: number;
  readonly proxies: boolean;
  readonly most: number;
  readonly json: boolean;
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'string') {
    console.error(`${options}\n\n${HELP}`);
    return 2;
  }
  if (!options) {
    console.log(HELP);
    return 0;
  }
  const { sets, seed, seconds, threads, proxies } = options;
  const paths = proxies ? await ensureServers(['caddy', 'traefik'], { log: () => undefined }) : new Map<string, string>();
  tell(`${sets} sets, seed ${seed}, ${threads} threads`);
  const startedAtMs = performance.now();
  let toldAtMs = startedAtMs;
  const figures = await fuzzOnThreads({ ...options, binaries: { caddy: paths.get('caddy'), traefik: paths.get('traefik') } }, threads, {
    signal: seconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]),
    progress: ({ sets: done, batches, findings }) => {
      if (performance.now() - toldAtMs < 5000) return;
      toldAtMs = performance.now();
      const perSecond = Math.round((done * 1000) / (toldAtMs - startedAtMs));
      tell(`${done} of ${sets} sets in ${batches} batches, ${findings.length} findings, ${perSecond} sets a second`);
    },
  });
  print(figures, options, performance.now() - startedAtMs);
  if (signal.aborted) return 130;
  return figures.findings.length === 0 ? 0 : 1;
}

function print({ findings, ...figures }: Figures, { seed, most, json }: Options, tookMs: number): void {
  const seconds = Math.round(tookMs / 100) / 10;
  if (json) {
    console.log(JSON.stringify({ seed, seconds, ...figures, findings }, null, 1));
    return;
  }
  for (const finding of findings.slice(0, most)) console.log(`${printFinding(finding)}\n`);
  if (findings.length > most) console.log(`… and ${findings.length - most} more\n`);
  const { sets, routed, routes, batches, bytes, slowestMs } = figures;
  console.log(`seed ${seed}: ${sets} sets in ${seconds} s, ${routed} of them gave ${routes} routes`);
  console.log(`${batches} batches, ${Math.round(bytes / 1e6)} MB of configuration read by the real programs`);
  console.log(`slowest set ${Math.round(slowestMs)} ms, ${findings.length} findings`);
}

function printFinding({ number, problem, tags }: Finding): string {
  return [`set ${number}: ${problem}`, ...tags.map((tag) => `  ${JSON.stringify(tag)}`)].join('\n');
}

/** The options, nothing where help is wanted, or what is wrong. */
function readOptions(args: readonly string[]): Options | string | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        sets: { type: 'string', default: '20000' },
        seconds: { type: 'string' },
        seed: { type: 'string', default: String(Date.now()) },
        first: { type: 'string', default: '0' },
        batch: { type: 'string', default: '500' },
        threads: { type: 'string', default: String(Math.min(8, availableParallelism())) },
        proxies: { type: 'boolean', default: true },
        most: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return undefined;
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  const [sets = 0, batch = 0, threads = 0, first = 0, most = 0] = [
    values.sets,
    values.batch,
    values.threads,
    values.first,
    values.most,
  ].map(Number);
  if (
    ![sets, batch, threads].every((value) => Number.isInteger(value) && value >= 1) ||
    ![first, most].every((value) => Number.isInteger(value) && value >= 0) ||
    (seconds !== undefined && !(seconds > 0))
  )
    return 'Cannot use the numbers of --sets, --batch, --threads, --first, --most and --seconds: expected whole numbers';
  const { seed, json, proxies } = values;
  return { sets, batch, threads: Math.min(threads, sets), first, most, seconds, seed, json, proxies };
}
