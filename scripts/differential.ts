import { parseArgs } from 'node:util';
import { SERVERS, type Server } from '../src/model/rendered.ts';
import { openArena, type Binaries } from '../test/differential/arena.ts';
import { figuresOf, groupFindings, isDeclared, printFinding, type Figures } from '../test/differential/report.ts';
import { fabioOriginal } from '../test/differential/fabio/original.ts';
import { fabioFigures, groupFabioFindings, isDeclaredFabio, printFabioFinding } from '../test/differential/fabio/report.ts';
import { compareFabioCatalogs } from '../test/differential/fabio/run.ts';
import { traefikOriginal } from '../test/differential/peer.ts';
import { compareCatalogs, type RunOptions } from '../test/differential/run.ts';
import { findBinary } from '../src/lib/binaries.ts';
import { openLab, type Lab } from './bench/lab.ts';
import { openScript } from './script.ts';
import { ensureServers } from './servers.ts';

/**
 * Compares what real Traefik makes of generated labels, or real Fabio of generated tags, with a real Consul, with what our pipeline makes of
 * them on Traefik and Caddy. Prints differences on stdout; exit code 0 when each is declared, 1 when not or when something could not be
 * compared, 2 for wrong usage, 130 when interrupted.
 */

const HELP = `Usage: npm run differential -- [options]

Generates catalogs of services with Traefik labels, registers them with a real Consul, and sends the same requests to Traefik with its own
consulCatalog provider (the peer) and to the proxies that our pipeline programs from the same catalog. Compared: status, Location, the
instances that answer, method, path, query, Host and body that they get, and headers that middlewares set on both sides. A difference is
declared where the pipeline reported something of that route that explains it.

With --dialect fabio the tags are Fabio's and the peer is a real Fabio, which is not installed here: FABIO_BIN names the program (1.7.3 or
later). Compared then: status, Location, the instances that answer and their shares, path, Host, method, credentials and X-Forwarded-Prefix.

Options:
  --dialect <name>    traefik (default) or fabio
  --catalogs <n>      catalogs (default 100)
  --requests <n>      requests to each (default 20)
  --seed <text>       the same seed gives the same catalogs and requests (default 1)
  --first <n>         number of the first catalog (default 0): with --catalogs 1 one catalog alone
  --batch <n>         catalogs that are loaded together (default 50)
  --proxy <name>      only caddy or traefik of ours; may be given twice
  --declared          print declared differences too
  --most <n>          print at most so many differences (default 20)
  --json              figures and undeclared differences as JSON
  --help              this text

Examples:
  npm run differential
  npm run differential -- --catalogs 1000 --proxy traefik
  npm run differential -- --seed 7 --first 123 --catalogs 1 --declared
  FABIO_BIN=/usr/local/bin/fabio npm run differential -- --dialect fabio`;

const { tell, signal, run } = openScript('differential');
await run(main);

interface Options extends RunOptions {
  readonly dialect: 'traefik' | 'fabio';
  readonly servers: readonly Server[];
  readonly declared: boolean;
  readonly most: number;
  readonly json: boolean;
}

/** What a comparison came to, whatever its dialect. */
interface Outcome {
  readonly catalogs: number;
  readonly refused: readonly string[];
  readonly figures: readonly ({ readonly server: Server } & Figures)[];
  readonly undeclared: readonly Shown[];
  readonly declared: readonly Shown[];
}

/** A difference as text, and how many requests show it. */
interface Shown {
  readonly text: string;
  readonly count: number;
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
  const fabio = findBinary('fabio', process.env);
  if (options.dialect === 'fabio' && fabio === undefined) {
    tell('Cannot compare with Fabio: no such program, expected it on PATH or in FABIO_BIN (https://github.com/fabiolb/fabio/releases)');
    return 1;
  }
  const paths = await ensureServers(['consul', 'caddy', 'traefik'], { log: () => undefined });
  const lab = openLab({ paths, signal, tell });
  try {
    const [consul = '', caddy = '', traefik = ''] = (['consul', 'caddy', 'traefik'] as const).map((name) => paths.get(name));
    const binaries = { consul, caddy, traefik };
    const outcome =
      options.dialect === 'fabio'
        ? await withFabio(lab, { binaries, fabio: fabio ?? '' }, options)
        : await withTraefik(lab, binaries, options);
    print(outcome, options);
    return outcome.undeclared.length === 0 && outcome.refused.length === 0 ? 0 : 1;
  } finally {
    await lab.close();
  }
}

async function withTraefik(lab: Lab, binaries: Binaries, options: Options): Promise<Outcome> {
  const { servers } = options;
  const arena = await openArena(lab, { binaries, servers, original: traefikOriginal(binaries.traefik) });
  const result = await compareCatalogs(arena, options, teller(options, isDeclared));
  const shown = (wanted: boolean): readonly Shown[] =>
    groupFindings(result.findings.filter((finding) => isDeclared(finding) === wanted)).map(({ finding, count }) => ({
      text: printFinding(finding),
      count,
    }));
  const figures = servers.map((server) => ({
    server,
    ...figuresOf(
      result,
      result.findings.filter((finding) => finding.server === server),
    ),
  }));
  return { ...result, figures, undeclared: shown(false), declared: shown(true) };
}

async function withFabio(
  lab: Lab,
  { binaries, fabio }: { readonly binaries: Binaries; readonly fabio: string },
  options: Options,
): Promise<Outcome> {
  const { servers } = options;
  const arena = await openArena(lab, { binaries, servers, original: fabioOriginal(fabio) });
  const result = await compareFabioCatalogs(arena, options, teller(options, isDeclaredFabio));
  const shown = (wanted: boolean): readonly Shown[] =>
    groupFabioFindings(result.findings.filter((finding) => isDeclaredFabio(finding) === wanted)).map(({ finding, count }) => ({
      text: printFabioFinding(finding),
      count,
    }));
  const figures = servers.map((server) => ({
    server,
    ...fabioFigures(
      result,
      result.findings.filter((finding) => finding.server === server),
    ),
  }));
  return { ...result, figures, undeclared: shown(false), declared: shown(true) };
}

/** Tells of progress; throws when the user wants the run to end. */
function teller<F>(
  { catalogs: all }: Options,
  isExplained: (finding: F) => boolean,
): (progress: { readonly catalogs: number; readonly findings: readonly F[] }) => void {
  const startedAtMs = performance.now();
  return ({ catalogs, findings }) => {
    signal.throwIfAborted();
    const undeclared = findings.filter((finding) => !isExplained(finding)).length;
    const perMinute = Math.round((catalogs * 60_000) / (performance.now() - startedAtMs));
    tell(
      `${catalogs} of ${all} catalogs, ${findings.length - undeclared} declared and ${undeclared} other differences, ${perMinute} catalogs a minute`,
    );
  };
}

function print({ figures, refused, undeclared, declared }: Outcome, { declared: wantsDeclared, most, json }: Options): void {
  if (json) {
    console.log(JSON.stringify({ figures, refused, undeclared: undeclared.map(({ text }) => text) }, null, 1));
    return;
  }
  const shown = [...undeclared, ...(wantsDeclared ? declared : [])];
  for (const { text, count } of shown.slice(0, most)) console.log(`${text}\n  ${count} such requests\n`);
  if (shown.length > most) console.log(`… and ${shown.length - most} more\n`);
  for (const reason of refused) console.log(`refused by a proxy: ${reason}\n`);
  for (const { server, catalogs, requests, forwarded, undeclared: others, declared: codes } of figures) {
    console.log(
      `${server}: ${catalogs} catalogs, ${requests} requests (${forwarded} reached an instance), ${others} undeclared differences`,
    );
    for (const [code, count] of Object.entries(codes).toSorted(([, a], [, b]) => b - a)) console.log(`  declared by ${code}: ${count}`);
  }
}

/** The options, nothing where help is wanted, or what is wrong. */
function readOptions(args: readonly string[]): Options | string | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        dialect: { type: 'string', default: 'traefik' },
        catalogs: { type: 'string', default: '100' },
        requests: { type: 'string', default: '20' },
        seed: { type: 'string', default: '1' },
        first: { type: 'string', default: '0' },
        batch: { type: 'string', default: '50' },
        proxy: { type: 'string', multiple: true, default: [...SERVERS] },
        declared: { type: 'boolean', default: false },
        most: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return undefined;
  const [catalogs = 0, requests = 0, batch = 0, first = 0, most = 0] = [
    values.catalogs,
    values.requests,
    values.batch,
    values.first,
    values.most,
  ].map(Number);
  if (
    ![catalogs, requests, batch].every((value) => Number.isInteger(value) && value >= 1) ||
    ![first, most].every((value) => Number.isInteger(value) && value >= 0)
  )
    return 'Cannot use the numbers of --catalogs, --requests, --batch, --first and --most: expected whole numbers';
  const unknown = values.proxy.find((name) => !SERVERS.some((server) => server === name));
  if (unknown !== undefined) return `Cannot use --proxy "${unknown}": expected caddy or traefik`;
  const servers = SERVERS.filter((server) => values.proxy.includes(server));
  const { dialect } = values;
  if (dialect !== 'traefik' && dialect !== 'fabio') return `Cannot use --dialect "${dialect}": expected traefik or fabio`;
  return { dialect, catalogs, requests, batch, first, most, servers, seed: values.seed, declared: values.declared, json: values.json };
}
