import { explainView, type ExplainView } from '../controller/explain.ts';
import { readAskedUrl } from '../controller/asked-url.ts';
import { testView, type TestView } from '../controller/request-view.ts';
import type { DiagnosticView } from '../controller/views.ts';
import { conflictViews } from '../controller/views.ts';
import type { Scene } from '../controller/scene.ts';
import { adminApi } from './admin-api.ts';
import { setUpFor, type Context } from './context.ts';
import { explainText } from './explain-text.ts';
import type { GlobalFlags } from './flags.ts';
import { tellPinned } from './kept-generations.ts';
import { formatView } from './print.ts';
import { requestText } from './request-text.ts';
import { endOfReading, readOnce } from './read-once.ts';
import { openRuntime } from './runtime.ts';
import { sceneOf } from './scene.ts';
import { show } from './show.ts';

/** What `test`, `explain` and `conflicts` take. */
export interface AskFlags extends GlobalFlags {
  readonly json?: boolean;
  readonly method?: string;
  readonly header?: readonly string[];
  readonly ip?: string;
}

/** Evaluates the table for one request, which is not sent. */
export async function testRequest(url: string | undefined, flags: AskFlags, context: Context): Promise<number> {
  const { method, header = [], ip } = flags;
  const asked = { url: urlOf(url), method, ip, headers: header };
  const query = new URLSearchParams([
    ['url', asked.url],
    ...(method === undefined ? [] : [['method', method]]),
    ...(ip === undefined ? [] : [['ip', ip]]),
    ...header.map((line) => ['header', line]),
  ]);
  return answer(flags, context, {
    path: `/v1/test?${query}`,
    ofScene: (scene) => testView(scene, asked),
    text: (view) => requestText(view as TestView, context.printer),
  });
}

/** Why a URL answers as it does. */
export async function explain(url: string | undefined, flags: AskFlags, context: Context): Promise<number> {
  const asked = urlOf(url);
  const query = new URLSearchParams({ url: asked });
  return answer(flags, context, {
    path: `/v1/explain?${query}`,
    ofScene: (scene) => explainView(scene, asked),
    text: (view) => explainText(view as ExplainView, context.printer),
  });
}

/** Where two sides want different things, with both tags. */
export async function showConflicts(flags: AskFlags, context: Context): Promise<number> {
  return answer(flags, context, {
    path: '/v1/conflicts',
    ofScene: ({ diagnostics }) => conflictViews(diagnostics),
    text: (views) => (views as readonly DiagnosticView[]).map((view) => formatView(view, context.printer)).join('\n\n'),
  });
}

/** Prints the answer of a running controller, or what the catalogs come to when they are read once. Returns the exit code. */
async function answer(
  flags: AskFlags,
  context: Context,
  {
    path,
    ofScene,
    text,
  }: {
    readonly path: string;
    readonly ofScene: (scene: Scene) => unknown;
    readonly text: (view: unknown) => string;
  },
): Promise<number> {
  const tell = (view: unknown): number => show(view, { flags, context, empty: 'There is no conflict' }, () => text(view));
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const view = await adminApi(setup).get(path);
  if (view !== undefined) return tell(view);
  const runtime = await openRuntime(setup, { looksOnly: true });
  const { change, diagnostics } = await readOnce(runtime, context, { partly: true });
  tellPinned(runtime.generations, context.printer);
  const state = { serving: change.serving, held: change.held, change, diagnostics, ready: false };
  return endOfReading(runtime, context.printer, tell(ofScene(sceneOf(runtime, { state, watched: false }))));
}

/** The URL, which is checked here so that a wrong one is a fault of the command's usage. */
function urlOf(url: string | undefined): string {
  readAskedUrl(url ?? '');
  return url ?? '';
}
