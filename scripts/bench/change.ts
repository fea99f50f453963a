import { sleep } from '../../src/lib/async.ts';
import { backendOf } from './answer.ts';
import { hostOf, type Catalog } from './consul.ts';
import { waitFor, type Lab } from './lab.ts';
import { processFigures } from './process-figures.ts';
import type { Subject } from './subject.ts';

/** One replaced instance: ms until only the new one answers, and CPU ms from the change until it has settled. */
export interface ChangeFigures {
  readonly tookMs: number;
  readonly controllerCpuMs: number;
  readonly proxyCpuMs: number;
  /** Requests that nobody answered meanwhile. */
  readonly unanswered: number;
}

/** A backend by its name and port. */
export interface Backend {
  readonly name: string;
  readonly port: number;
}

/** How long a subject rests before a change: Caddy's bucket of 4 applies is full again. */
export const REST_MS = 4000;
/** Answers in a row by the new instance that prove that the old one has none: by chance once in 2^20 where both are asked. */
const PROOF = 20;
/** Work after the last answer, such as keeping the generation, is part of the change. */
const SETTLE_MS = 500;
/** Between requests: a part of the time that has passed, at least these ms. Asking takes processors from those that are measured. */
const PAUSE = { share: 0.04, atLeastMs: 2 } as const;
const GIVE_UP_MS = 30_000;

/** One request, and by whom and when it was answered; a slow answer does not keep the next request back. */
interface Asked {
  answer?: { readonly name: string | undefined; readonly atMs: number };
}

function ask(port: number, host: string): Asked {
  const asked: Asked = {};
  void backendOf(port, host).then((name) => {
    asked.answer = { name, atMs: performance.now() };
  });
  return asked;
}

/** Waits until a subject is idle, replaces the instance of one service by one on another backend, and asks until only that one answers. */
export async function replaceInstance(
  lab: Lab,
  {
    subject,
    catalog,
    service,
    backends,
    lastAtMs,
  }: {
    readonly subject: Subject;
    readonly catalog: Catalog;
    readonly service: number;
    readonly backends: readonly Backend[];
    /** When the last change of this subject ended, of `performance.now()`. */
    readonly lastAtMs: number;
  },
): Promise<ChangeFigures> {
  const isIdle = async (): Promise<boolean> => performance.now() - lastAtMs >= REST_MS && (await subject.isIdle(REST_MS));
  await waitFor(`${subject.name} to be idle`, isIdle, { signal: lab.signal, everyMs: 50 });
  const next = backends.find(({ port }) => port !== catalog.portOf(service));
  if (!next) throw new RangeError('Cannot replace an instance: expected two backends');
  const before = await cpuOf(subject);
  const startedAtMs = performance.now();
  const replaced = catalog.replace(service, next.port);
  replaced.catch(() => undefined);
  const asked: Asked[] = [];
  let firstNew = 0;
  while (asked.length - firstNew < PROOF) {
    lab.signal.throwIfAborted();
    const passedMs = performance.now() - startedAtMs;
    if (passedMs > GIVE_UP_MS) throw new Error(`Cannot measure ${subject.name}: the old instance of s${service} still answers`);
    asked.push(ask(subject.web, hostOf(service)));
    await sleep(Math.max(PAUSE.atLeastMs, passedMs * PAUSE.share), lab.signal);
    firstNew = 1 + asked.findLastIndex(({ answer }) => answer?.name !== next.name);
  }
  const tookMs = (asked[firstNew]?.answer?.atMs ?? Number.NaN) - startedAtMs;
  await replaced;
  await sleep(SETTLE_MS, lab.signal);
  const after = await cpuOf(subject);
  return {
    tookMs,
    controllerCpuMs: after.controller - before.controller,
    proxyCpuMs: after.proxy - before.proxy,
    unanswered: asked.filter(({ answer }) => answer && answer.name === undefined).length,
  };
}

async function cpuOf({ pids }: Subject): Promise<{ readonly controller: number; readonly proxy: number }> {
  const controller = pids.controller === undefined ? 0 : (await processFigures(pids.controller)).cpuMs;
  return { controller, proxy: (await processFigures(pids.proxy)).cpuMs };
}
