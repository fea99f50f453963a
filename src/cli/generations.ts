import { wholeGenerations } from '../controller/generations.ts';
import type { DamagedGeneration, GenerationView, StatusView } from '../controller/views.ts';
import { adminApi } from './admin-api.ts';
import { causeText } from './cause-text.ts';
import { setUpFor, type Context } from './context.ts';
import { EXIT } from './errors.ts';
import { keptGenerations } from './kept-generations.ts';
import { show, type ShowFlags } from './show.ts';
import { formatTable } from './table.ts';
import { generationViews } from './views.ts';
import { withoutController } from './without-controller.ts';

/** Every configuration that the proxy was given, newest first. */
export async function showGenerations(flags: ShowFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const { stateDir } = setup.paths;
  const store = await keptGenerations(setup, 'show the generations');
  await wholeGenerations(store);
  const list = generationViews(store);
  const empty = `Nothing was applied yet (state directory ${stateDir}; --config or --state-dir names another)`;
  return show(list, { flags, context, empty }, () =>
    formatTable(['GENERATION', 'APPLIED', 'SERVER', 'ROUTES', 'DIGEST', '', 'CHANGED'], list.map(rowOf)),
  );
}

function rowOf(view: GenerationView | DamagedGeneration): readonly string[] {
  if ('damaged' in view) return [String(view.id), '', '', '', '', view.pinned ? 'damaged, pinned' : 'damaged', ''];
  const { id, appliedAt, server, routes, digest, pinned, cause } = view;
  return [String(id), appliedAt, server, String(routes), digest.slice(0, 12), pinned ? 'pinned' : '', cause ? causeText(cause) : ''];
}

/** Ends what `rollback` has pinned. */
export async function unpin(flags: ShowFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const api = adminApi(setup);
  const status = (await api.get('/v1/status')) as StatusView | undefined;
  const kept = status ? undefined : await keptGenerations(setup, 'unpin');
  const pinned = kept ? kept.pinned() : status?.proxies[0]?.pinned;
  if (pinned === undefined) {
    context.printer.say(`No generation is pinned: the catalogs are followed already (state directory ${setup.paths.stateDir})`);
    return EXIT.ok;
  }
  // a controller that has just begun knows what is pinned already, and does not answer yet
  if (kept) await withoutController(setup, { act: 'unpin', signal: context.signal }, (generations) => generations.unpin());
  else await api.post('/v1/unpin', {});
  const then = kept ? 'hind-proxy run follows the catalogs again' : 'the catalogs are followed again';
  context.printer.say(`Generation ${pinned} is not pinned any more: ${then}`);
  return EXIT.ok;
}
