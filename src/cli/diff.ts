import { diffView, type DiffRoute, type DiffView, type RouteDifference } from '../controller/diff-view.ts';
import { wholeGenerations, type GenerationStore } from '../controller/generations.ts';
import { visible } from '../lib/text.ts';
import type { Generation } from '../model/generation.ts';
import { setUpFor, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { appliedGenerations } from './kept-generations.ts';
import type { Printer } from './print.ts';

/** What `diff` takes. */
export interface DiffFlags extends GlobalFlags {
  readonly json?: boolean;
}

/** In what the routes of two generations differ; the second is the one that is served where only one is named. Exit 3 where they do. */
export async function diff([from, to]: readonly (string | undefined)[], flags: DiffFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const store = await appliedGenerations(setup, 'compare generations');
  const before = await generationOf(store, from);
  const after = await generationOf(store, to ?? String(store.current() ?? ''));
  const view = diffView(before, after);
  if (flags.json) context.printer.json(view);
  else printDiff(view, context.printer);
  const { created, changed, removed } = view;
  return created.length + changed.length + removed.length === 0 ? EXIT.ok : EXIT.differences;
}

async function generationOf(store: GenerationStore, text: string | undefined): Promise<Generation> {
  const generation = /^\d+$/.test(text ?? '') ? await store.read(Number(text)) : undefined;
  if (generation) return generation;
  const whole = (await wholeGenerations(store)).map(({ id }) => id);
  const place = text === undefined || text === '' ? 'the served generation' : `generation "${text}"`;
  const reason = store.damaged().includes(Number(text)) ? 'it is damaged on disk' : 'it is not kept';
  throw new CommandError(`Cannot compare ${place}: ${reason}, expected one of ${whole.join(', ') || 'none'}`, EXIT.usage);
}

function printDiff({ from, to, created, changed, removed, unchanged, servers }: DiffView, printer: Printer): void {
  for (const route of created) printer.out(printer.style('green', `+ ${routeText(route)}`));
  for (const { differences, ...route } of changed) {
    printer.out(printer.style('yellow', `~ ${routeText(route)}`));
    for (const difference of differences) printer.out(`    ${differenceText(difference)}`);
  }
  for (const route of removed) printer.out(printer.style('red', `- ${routeText(route)}`));
  if (servers) printer.out(`generation ${from} is for ${servers[0]}, ${to} for ${servers[1]}`);
  printer.out(`${from} → ${to}: ${created.length} new, ${changed.length} changed, ${removed.length} gone, ${unchanged} the same`);
}

function routeText({ match, services, tags }: DiffRoute): string {
  const [tag] = tags;
  return visible(`${match} (${services.join(' ')}${tag === undefined ? '' : `: ${tag}`})`);
}

function differenceText({ what, before, after }: RouteDifference): string {
  if (what === 'options') return 'options of its middlewares or instances';
  return visible(`${what}: ${[...before.map((text) => `-${text}`), ...after.map((text) => `+${text}`)].join(' ')}`);
}
