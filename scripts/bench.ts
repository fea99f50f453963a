import { parseArgs } from 'node:util';
import { startDemoBackends } from '../src/cli/demo-backends.ts';
import { replaceInstance, REST_MS, type ChangeFigures } from './bench/change.ts';
import { startCatalog, type Catalog } from './bench/consul.ts';
import { openLab, type Lab } from './bench/lab.ts';
import { startOurs } from './bench/ours.ts';
import { startPeer } from './bench/peer.ts';
import { processFigures } from './bench/process-figures.ts';
import { printTable, rowsOf, type Sample } from './bench/report.ts';
import { SUBJECTS, type Subject, type SubjectName } from './bench/subject.ts';
import { openScript } from './script.ts';
import { ensureServers } from './servers.ts';

/**
 * Measures how long a change in Consul takes to be served, with real programs on loopback. Prints progress on stderr and the result on
 * stdout; exit code 0 when everything was measured, 1 when something could not be, 2 for wrong usage, 130 when interrupted.
 */

const HELP = `Usage: npm run bench -- [options]

Measures, through a real Consul agent and the real proxies on free loopback ports: one instance is replaced (the new one registered,
then the old one deregistered) on an idle system; how long until only the new one answers. The subjects are this program with Caddy,
this program with Traefik, and as peer Traefik's own consulCatalog provider (watch=true, no throttle, a default certificate). Each has
an agent of its own with the same services, one instance each; their changes are interleaved.

Idle means: at least ${REST_MS / 1000} s since the subject applied a configuration, and the proxy verified to serve it. A change is two configurations
(both instances, then the new one alone), so the aim for p50 is twice the proxy's own apply time plus 10 ms.

Columns: p50 and p99 from the registration to the first answer after which the old instance never answers; v. peer: how many times
faster than the peer; own apply: the median of giving the proxy a slightly different configuration directly, a second after the one
before; CPU per change and RSS at the end, of the controller + the proxy; cold: from the start of the controller (of Traefik for the
peer) until every service is served, median of all starts but the first, which compiles what later ones find compiled.

Options:
  --services <list>   numbers of services (default 10,1000)
  --changes <n>       instances replaced for each subject and number of services (default 50)
  --proxy <name>      only caddy or traefik of ours; may be given twice
  --no-peer           without Traefik's own provider
  --cold <n>          cold starts (default 4)
  --profile <dir>     CPU profiles of the controllers go there
  --json              rows as JSON instead of a table
  --help              this text

Examples:
  npm run bench
  npm run bench -- --services 10 --changes 5
  npm run bench -- --proxy caddy --services 1000 --no-peer --profile /tmp/profiles
  npm run --silent bench -- --json > bench.json`;

/** Applies by hand whose median is the proxy's own apply time. */
const OWN_APPLIES = 20;

interface BenchOptions {
  readonly services: readonly number[];
  readonly changes: number;
  readonly subjects: readonly SubjectName[];
  readonly cold: number;
  readonly profile: string | undefined;
}

/** One subject while it is measured. */
interface Bench {
  readonly catalog: Catalog;
  readonly subject: Subject;
  readonly coldMs: readonly number[];
  readonly changes: ChangeFigures[];
  lastAtMs: number;
}

const { tell, signal, run } = openScript('bench');
await run(main);

async function main(args: readonly string[]): Promise<number> {
  const read = readOptions(args);
  if (typeof read === 'string') {
    console.error(`${read}\n\n${HELP}`);
    return 2;
  }
  const { options, json } = read;
  if (!options) {
    console.log(HELP);
    return 0;
  }
  const paths = await ensureServers(['consul', 'caddy', 'traefik'], { log: () => undefined });
  const samples: Sample[] = [];
  for (const services of options.services) {
    const lab = openLab({ paths, signal, tell });
    try {
      samples.push(...(await measure(lab, { services, options })));
    } finally {
      await lab.close();
    }
  }
  const rows = rowsOf(samples);
  console.log(json ? JSON.stringify(rows, null, 1) : `${printTable(rows)}\n\n${footnote(options)}`);
  return 0;
}

/** Everything at one number of services. */
async function measure(
  lab: Lab,
  { services, options }: { readonly services: number; readonly options: BenchOptions },
): Promise<readonly Sample[]> {
  const echoes = await startDemoBackends(['a', 'b']);
  const { backends } = echoes;
  lab.after(() => echoes.close());
  const benches: Bench[] = [];
  for (const name of options.subjects) {
    tell(`${services} services, ${name}: starting Consul and registering`);
    const catalog = await startCatalog(lab, { count: services, port: backends[0]?.port ?? 0 });
    const { subject, coldMs } = await startCold(lab, { name, catalog, options });
    benches.push({ catalog, subject, coldMs, changes: [], lastAtMs: performance.now() });
  }
  for (let turn = 0; turn < options.changes; turn += 1) {
    for (const bench of benches) {
      // spread over the whole list, so that no place in it is favoured
      const service = 1 + ((turn * 7919) % services);
      bench.changes.push(await replaceInstance(lab, { ...bench, service, backends }));
      bench.lastAtMs = performance.now();
    }
    if ((turn + 1) % 5 === 0 || turn === 0)
      tell(
        `${services} services, change ${turn + 1} of ${options.changes}: ${benches.map(({ subject, changes }) => `${subject.name} ${Math.round(changes.at(-1)?.tookMs ?? 0)} ms`).join(', ')}`,
      );
  }
  const samples: Sample[] = [];
  for (const { subject, coldMs, changes } of benches) {
    const { controller, proxy } = subject.pids;
    const figures = {
      ...(controller !== undefined && { controller: await processFigures(controller) }),
      proxy: await processFigures(proxy),
    };
    tell(`${services} services, ${subject.name}: what the proxy itself needs`);
    samples.push({ subject: subject.name, services, coldMs, changes, ...figures, ownApplyMs: await subject.ownApplyMs(OWN_APPLIES) });
    await subject.stop();
  }
  return samples;
}

/** Starts a subject several times, each time without a past; the last one stays. */
async function startCold(
  lab: Lab,
  { name, catalog, options }: { readonly name: SubjectName; readonly catalog: Catalog; readonly options: BenchOptions },
): Promise<{ readonly subject: Subject; readonly coldMs: readonly number[] }> {
  const start = (profile?: string): Promise<Subject> =>
    name === 'peer' ? startPeer(lab, catalog) : startOurs(lab, { server: name, catalog, profile });
  const coldMs: number[] = [];
  for (let turn = 1; turn < options.cold; turn += 1) {
    const subject = await start();
    coldMs.push(subject.coldMs);
    await subject.stop();
  }
  const subject = await start(options.profile);
  tell(`${catalog.count} services, ${name}: complete ${Math.round(subject.coldMs)} ms after its start`);
  return { subject, coldMs: [...coldMs, subject.coldMs] };
}

function footnote({ changes }: BenchOptions): string {
  return [
    `${changes} changes each. Idle: ${REST_MS / 1000} s since the last apply, and the proxy verified. Aim: twice the proxy's own apply time plus 10 ms.`,
    'CPU per change and RSS: controller + proxy; first, cold: from its start until every service is served; cold: median of the starts after the first.',
    "Traefik's own provider: watch=true, providersThrottleDuration 0s, a default certificate.",
  ].join('\n');
}

/** The options, nothing where help is wanted, or what is wrong. */
function readOptions(args: readonly string[]): string | { readonly options?: BenchOptions; readonly json: boolean } {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        services: { type: 'string', default: '10,1000' },
        changes: { type: 'string', default: '50' },
        proxy: { type: 'string', multiple: true, default: ['caddy', 'traefik'] },
        'no-peer': { type: 'boolean', default: false },
        cold: { type: 'string', default: '4' },
        profile: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return { json: false };
  const services = values.services.split(',').map(Number);
  const [changes, cold] = [Number(values.changes), Number(values.cold)];
  const wrong = [...services, changes, cold].some((value) => !Number.isInteger(value) || value < 1);
  if (wrong) return 'Cannot use the numbers of --services, --changes and --cold: expected whole numbers from 1';
  const unknown = values.proxy.find((name) => name !== 'caddy' && name !== 'traefik');
  if (unknown !== undefined) return `Cannot use --proxy "${unknown}": expected caddy or traefik`;
  const subjects = SUBJECTS.filter((name) => (name === 'peer' ? !values['no-peer'] : values.proxy.includes(name)));
  return { options: { services, changes, cold, subjects, profile: values.profile }, json: values.json };
}
