import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { changeWanted, readProxyState, type SwitchOutcome, type SwitchRequest, type WantedProxy } from '../apply/proxy-files.ts';
import { sleep } from '../lib/async.ts';
import { messageOf } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import { isLocked, LAUNCHER } from './lock.ts';
import { configuredOf, portsOf } from './served.ts';
import type { Setup } from './setup.ts';
import { launcherText, startLauncher } from './start-launcher.ts';
import type { Course } from './switch-proxy.ts';
import { HINTS, SwitchError } from './switch-stages.ts';

/** Longer than a proxy may take to start. */
const LAUNCH_MS = 60_000;

/** How a switch ended that was done; `launcher`: the process id of an `exec-proxy` that was started for it. */
export type Switched = Extract<SwitchOutcome, { kind: 'switched' }> & { readonly launcher?: number };

/** Has the parent of the proxies start the other one with a configuration. Throws `SwitchError` where the old one serves on. */
export async function launched(course: Course, config: RenderedConfig): Promise<Switched> {
  const { order, to, other, stages } = course;
  const { stateDir } = order.setup.paths;
  await stages.run('files', () => placeFiles(course, config));
  const request = { id: randomUUID(), to, digest: config.tableDigest, atMs: Date.now() };
  const { outcome, launcher } = await stages.run('start', () => askedFor(course, request));
  const configured = configuredOf(order.setup);
  if (outcome.kind === 'failed') {
    await changeWanted(stateDir, staying(order.setup));
    const runsOn = launcher === undefined ? '' : `. ${launcherText(launcher, order.setup.server)}`;
    throw new SwitchError(outcome.stage, { to, reason: outcome.reason, hint: `${HINTS[outcome.stage]}${runsOn}` });
  }
  await changeWanted(stateDir, () => ({ server: to, configured, ports: portsOf(other) }));
  return { ...outcome, ...(launcher !== undefined && { launcher }) };
}

async function placeFiles({ order: { setup }, deployer }: Course, config: RenderedConfig): Promise<void> {
  const disk = await deployer.disk();
  if (disk.kind === 'foreign')
    throw new Error(`${[...disk.contents.keys()].join(', ')} is not ours; move it away, or configure another file`);
  for (const { path, content } of config.files) await writeFileAtomic(path, content, { stagingDir: setup.paths.stagingDir });
}

/** What the parent of the proxies answers to a request; one is started where none runs. Rejects where none answers. */
async function askedFor(
  { order }: Course,
  request: SwitchRequest,
): Promise<{ readonly outcome: SwitchOutcome; readonly launcher: number | undefined }> {
  const { setup, flags, signal } = order;
  const { stateDir } = setup.paths;
  await changeWanted(stateDir, (before) => ({ ...before, server: setup.server, configured: configuredOf(setup), switch: request }));
  const answer = await startLauncher(setup, flags).then(
    async (launcher) => {
      const outcome = await outcomeOf(request.id, { stateDir, signal });
      return typeof outcome === 'string' ? outcome : { outcome, launcher };
    },
    (error: unknown) => messageOf(error),
  );
  if (typeof answer !== 'string') return answer;
  // where we are told to end, exec-proxy may still do it, and what it notes counts
  if (!signal.aborted) await changeWanted(stateDir, staying(setup));
  throw new Error(answer);
}

/** How a request ended, or why nobody says it. */
async function outcomeOf(
  id: string,
  { stateDir, signal }: { readonly stateDir: string; readonly signal: AbortSignal },
): Promise<SwitchOutcome | string> {
  const giveUpAtMs = performance.now() + LAUNCH_MS;
  while (performance.now() < giveUpAtMs && !signal.aborted) {
    const { outcome } = (await readProxyState(stateDir)) ?? {};
    if (outcome?.id === id) return outcome;
    await sleep(50, signal);
  }
  const runs = await isLocked(stateDir, LAUNCHER);
  return runs
    ? `exec-proxy did not answer within ${LAUNCH_MS / 1000} s`
    : `exec-proxy does not run; ${join(stateDir, 'exec-proxy.log')} may say why`;
}

/** What is wanted, without the switch: the proxy of before serves on. */
function staying(setup: Setup): (before: WantedProxy | undefined) => WantedProxy {
  return ({ switch: _over, ...before }: Partial<WantedProxy> = {}) => ({
    ...before,
    server: setup.server,
    configured: configuredOf(setup),
  });
}
