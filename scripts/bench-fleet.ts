import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SwitchView } from '../src/controller/views.ts';
import { SERVERS, type Server } from '../src/model/rendered.ts';
import { startLoad } from '../test/support/load.ts';
import { startFleet, timed, type Fleet, type Timed } from './bench/fleet.ts';
import { openLab, waitFor, type Lab } from './bench/lab.ts';
import { printColumns } from './bench/report.ts';
import { median } from './bench/stats.ts';
import { openScript } from './script.ts';
import { ensureServers } from './servers.ts';

/**
 * Measures the commands that move a fleet, each as a whole program, with real proxies on loopback. Prints tables on stdout, progress on
 * stderr; exit code 0, 1 where something could not be measured, 2 for wrong usage.
 */

const HELP = `Usage: npm run bench:fleet -- [options]

migrate plan: one Nomad job file of 0.5 MB with 1,300 services of two Fabio tags each, to labels. The aim is less than 1 s.
rollback: rollback and scripts/rollback, from their start until the proxy was read back with the generation before, while the controller
and Consul are down; each starts from the other generation. The aim is less than 2 s.
switch: to the other proxy and back by the running controller, under 100 requests/s, one half on kept connections; how many requests are
compared before, and how many of the clients' fail with one retry, which should be none.

Times are least, median and most on the clock, and the median of CPU time with all programs that were waited for (s).

Options:
  --services <list>   numbers of services (default 10,1000)
  --times <n>         times that each command is measured (default 7)
  --help              this text`;

/** Of the job file that is planned. */
const SERVICES = 1300;

const { tell, signal, run } = openScript('bench');
await run(main);

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: 'string', default: '10,1000' },
      times: { type: 'string', default: '7' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [counts, times] = [values.services.split(',').map(Number), Number(values.times)];
  if (values.help || ![...counts, times].every((value) => Number.isInteger(value) && value > 0)) {
    console[values.help ? 'log' : 'error'](HELP);
    return values.help ? 0 : 2;
  }
  const paths = await ensureServers(['caddy', 'traefik'], { log: () => undefined });
  const rows: (readonly string[])[] = [];
  const within = async (what: string, task: (lab: Lab) => Promise<readonly (readonly string[])[]>): Promise<void> => {
    tell(what);
    const lab = openLab({ paths, signal, tell });
    try {
      rows.push(...(await task(lab)));
    } finally {
      await lab.close();
    }
  };
  await within('migrate plan', async (lab) => [await planRow(lab, times)]);
  for (const services of counts)
    for (const server of SERVERS) {
      await within(`${services} services on ${server}: rollback`, (lab) => rollbackRows(lab, { server, services, times }));
      await within(`${services} services on ${server}: switch`, (lab) => switchRows(lab, { server, services }));
    }
  console.log(printColumns([['what', 'services', 'least s', 'median s', 'most s', 'CPU s', ''], ...rows], 0));
  return 0;
}

async function planRow(lab: Lab, times: number): Promise<readonly string[]> {
  const dir = await lab.dir('plan');
  await mkdir(join(dir, 'cache'));
  const groups = Array.from(
    { length: SERVICES },
    (_, index) => `  group "g${index}" {
    count = 2

    network {
      port "http" {}
    }

    # service number ${index}
    service {
      name = "svc-${index}"
      port = "http"
      tags = [
        "urlprefix-svc-${index}.example.com/",
        "urlprefix-svc-${index}.example.com/api strip=/api", # the API
      ]

      check {
        type     = "http"
        path     = "/"
        interval = "10s"
      }
    }
  }`,
  );
  const text = `job "fleet" {\n  datacenters = ["dc1"]\n\n${groups.join('\n\n')}\n}\n`;
  await writeFile(join(dir, 'fleet.nomad.hcl'), text);
  const args = [join(import.meta.dirname, '../src/start.js'), 'migrate', 'plan', join(dir, 'fleet.nomad.hcl'), '--to', 'traefik'];
  const all: Timed[] = [];
  // the first start compiles what later ones find compiled
  for (let turn = 0; turn <= times; turn += 1)
    all.push(await timed(process.execPath, args, { PATH: process.env['PATH'] ?? '', HOME: dir, XDG_CACHE_HOME: join(dir, 'cache') }));
  return rowOf('migrate plan', SERVICES, all.slice(1), `${(text.length / 1e6).toFixed(2)} MB`);
}

/** A fleet that has served two generations, the second of which runs; no controller. */
async function twoGenerations(lab: Lab, options: { readonly server: Server; readonly services: number }): Promise<Fleet> {
  const fleet = await startFleet(lab, options);
  for (const host of ['old.bench', 'new.bench']) {
    await fleet.serve(host);
    done(await fleet.command(['apply']));
  }
  if (!(await fleet.answers('new.bench'))) throw new Error('Cannot measure: the second generation is not served');
  return fleet;
}

async function rollbackRows(
  lab: Lab,
  { times, ...options }: { readonly server: Server; readonly services: number; readonly times: number },
): Promise<readonly (readonly string[])[]> {
  const fleet = await twoGenerations(lab, options);
  const rows: (readonly string[])[] = [];
  for (const name of ['rollback', 'scripts/rollback']) {
    const all: Timed[] = [];
    for (let turn = 0; turn < times; turn += 1) {
      const [id, host] = turn % 2 === 0 ? ['1', 'old.bench'] : ['2', 'new.bench'];
      all.push(done(await fleet.command([name, id])));
      if (!(await fleet.answers(host))) throw new Error(`Cannot measure ${name}: generation ${id} is not served`);
    }
    rows.push(rowOf(`${name} on ${options.server}`, options.services, all));
  }
  return rows;
}

async function switchRows(
  lab: Lab,
  options: { readonly server: Server; readonly services: number },
): Promise<readonly (readonly string[])[]> {
  const fleet = await startFleet(lab, options);
  await fleet.serve('old.bench');
  fleet.startController();
  const runs = async (server: Server): Promise<boolean> => {
    const proxy = (await fleet.status())?.proxies[0];
    return proxy?.server === server && proxy.verified && proxy.generation !== undefined && (await fleet.answers('old.bench'));
  };
  await waitFor('the services to be served', () => runs(options.server), { signal: lab.signal });
  const rows: (readonly string[])[] = [];
  for (const to of SERVERS.filter((server) => server !== options.server).concat(options.server)) {
    await using load = startLoad(fleet.web, { host: 'old.bench', perSecond: 100 });
    const switched = await fleet.command(['switch', to, '--json']);
    const { fresh, kept } = await load.stop();
    const { requests } = JSON.parse(done(switched).out) as SwitchView;
    const lost = `${requests} compared; of ${fresh.sent + kept.sent} requests ${fresh.failed + kept.failed} failed, ${fresh.failedOnce + kept.failedOnce} without a retry`;
    rows.push(rowOf(`switch to ${to}`, options.services, [switched], lost));
    await waitFor(`the controller to follow to ${to}`, () => runs(to), { signal: lab.signal });
  }
  return rows;
}

function done(ended: Timed): Timed {
  if (ended.code !== 0) throw new Error(`Cannot measure: a command ended with ${ended.code}: ${ended.told.slice(-2000)}`);
  return ended;
}

function rowOf(what: string, services: number, all: readonly Timed[], note = ''): readonly string[] {
  const wall = all.map(({ wallMs }) => wallMs);
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  const figures = [Math.min(...wall), median(wall), Math.max(...wall), median(all.map(({ cpuMs }) => cpuMs))];
  return [what, String(services), ...figures.map(seconds), note];
}
