import type { LiveState } from '../apply/deployer.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { BOOT_MARKER } from '../targets/target.ts';
import { proxyBinary } from './proxy-binary.ts';
import { createDeployer } from './runtime.ts';
import type { Setup } from './setup.ts';
import { lossesOf, openedBy } from './switch-losses.ts';
import type { Course } from './switch-proxy.ts';
import { SwitchError } from './switch-stages.ts';
import { tryBeside, type Trial } from './switch-trial.ts';

/** A configuration of the other proxy that was rendered, checked and compared. */
export interface Prepared {
  readonly config: RenderedConfig;
  /** What it was made of: the table as far as the other proxy opens its entry points. */
  readonly table: RoutingTable;
  /** How many requests were compared, and how many of them are answered otherwise. */
  readonly requests: number;
  readonly differences: number;
  /** How many routes that are served now the other one cannot serve. */
  readonly losses: number;
}

/** So many differences are named. */
const SHOWN = 10;

/**
 * What the other proxy is to be given for a table. Of what is put back as it was nothing is compared: it has served; nor with a proxy that
 * was given nothing since its start. Throws `SwitchError` where it cannot be rendered, is refused, or answers otherwise than the order
 * accepts.
 */
export async function prepared(course: Course, table: RoutingTable): Promise<Prepared> {
  const { order, other, deployer, stages } = course;
  const { setup, signal, generation } = order;
  const opened = generation ? table : openedBy(other, table);
  const config = await stages.run('render', () => Promise.resolve(generation?.config ?? renderedFor(other, opened)));
  const uncompared = { config, table: opened, requests: 0, differences: 0, losses: 0 };
  await stages.run('check', async () => {
    const checked = await deployer.check(config, signal);
    if (checked.kind === 'refused') throw new Error(checked.reason);
  });
  if (generation) return uncompared;
  const live = await createDeployer(setup).live(signal);
  // 503 to everything is no answer to compare with
  if (live.kind === 'ours' && live.digest === BOOT_MARKER) return uncompared;
  if (!order.acceptDifferences) assertNotEmptied(live, table, course);
  const losses = lossesOf({ running: setup, other }, table);
  if (!order.acceptDifferences) assertNoLosses(losses, course);
  const trial = await stages.run('verify', () => tryBeside({ running: setup, other, table: opened, signal }));
  if (!order.acceptDifferences) assertSame(trial, course);
  return { config, table: opened, requests: trial.requests, differences: trial.differing.length, losses: losses.length };
}

/** Where state was lost nothing may be known of what the running proxy serves, and there is no request to compare. */
function assertNotEmptied(live: LiveState, { routes, digest }: RoutingTable, { order: { setup }, to }: Course): void {
  if (routes.length > 0 || live.kind === 'down' || (live.kind === 'ours' && live.digest === digest)) return;
  throw new SwitchError('verify', {
    to,
    reason: `${setup.server} serves a configuration that is not known here, and ${to} would get one without any route`,
    hint: 'Wait for the catalogs, or end a pin with hind-proxy unpin, then switch again; hind-proxy status says how both are',
    isRefusal: true,
  });
}

function assertNoLosses(losses: readonly string[], { order: { setup }, to }: Course): void {
  if (losses.length === 0) return;
  throw new SwitchError('verify', {
    to,
    reason: `${to} cannot serve ${losses.length} ${losses.length === 1 ? 'route' : 'routes'} that ${setup.server} serves`,
    hint: [
      ...shownOf(losses),
      `hind-proxy validate --proxy ${to} says why; --accept-differences switches all the same, and they are not served any more`,
    ].join('\n'),
    isRefusal: true,
  });
}

function assertSame({ silence, differing, requests }: Trial, { order: { setup }, to }: Course): void {
  if (silence !== undefined)
    throw new SwitchError('verify', {
      to,
      reason: `${setup.server} does not answer (${silence}), so there is nothing to compare ${to} with`,
      left: 'nothing was changed',
      hint: `Start ${setup.server} with hind-proxy exec-proxy and switch again; --accept-differences switches without a comparison`,
    });
  if (differing.length > 0)
    throw new SwitchError('verify', {
      to,
      reason: `${to} answers ${differing.length} of ${requests} requests otherwise`,
      hint: [...shownOf(differing), 'Look at the differences; --accept-differences switches all the same'].join('\n'),
      isRefusal: true,
    });
}

function shownOf(differing: readonly string[]): readonly string[] {
  const more = differing.length - SHOWN;
  return [...differing.slice(0, SHOWN).map((line) => `  ${line}`), ...(more > 0 ? [`  and ${more} more`] : [])];
}

function renderedFor(other: Setup, table: RoutingTable): RenderedConfig {
  // asked here, so that a program that is not there is told before anything is tried
  proxyBinary(other);
  return other.target.render(table, other.settings).value;
}
