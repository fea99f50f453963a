import { explainView, type ExplainView } from '../controller/explain.ts';
import { readAskedUrl } from '../controller/asked-url.ts';
import { testView, type TestView } from '../controller/request-view.ts';
import type { DiagnosticView } from '../controller/views.ts';
import { conflictViews } from '../controller/views.ts';
import type { Scene } from '../controller/scene.ts';
import { adminApi } from './admin-api.ts';
import { setUpFor, type Context } from './context.ts';
import { EXIT } from './errors.ts';
import { explainText } from './explain-text.ts';
import type { GlobalFlags } from './flags.ts';
import { tellPinned } from './kept-generations.ts';
import { formatView } from './print.ts';
import { requestText } from './request-text.ts';
import { readOnce } from './read-once.ts';
import { openRuntime } from './runtime.ts';
import type { Setup } from './setup.ts';
import { sceneOf } from './scene.ts';

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
  const view = (await answerOf(flags, context, { path: `/v1/test?${query}`, ofScene: (scene) => testView(scene, asked) })) as TestView;
  if (flags.json) context.printer.json(view);
  else context.printer.out(requestText(view, context.printer));
  return EXIT.ok;
}

/** Why a URL answers as it does. */
export async function explain(url: string | undefined, flags: AskFlags, context: Context): Promise<number> {
  const asked = urlOf(url);
  const query = new URLSearchParams({ url: asked });
  const view = (await answerOf(flags, context, {
    path: `/v1/explain?${query}`,
    ofScene: (scene) => explainView(scene, asked),
  })) as ExplainView;
  if (flags.json) context.printer.json(view);
  else context.printer.out(explainText(view, context.printer));
  return EXIT.ok;
}

/** Where two sides want different things, with both tags. */
export async function showConflicts(flags: AskFlags, context: Context): Promise<number> {
  const { printer } = context;
  const views = (await answerOf(flags, context, {
    path: '/v1/conflicts',
    ofScene: ({ diagnostics }) => conflictViews(diagnostics),
  })) as readonly DiagnosticView[];
  if (flags.json) printer.json(views);
  else if (views.length === 0) printer.say('There is no conflict');
  else printer.out(views.map((view) => formatView(view, printer)).join('\n\n'));
  return EXIT.ok;
}

/** The answer of a running controller, or what the catalogs come to when they are read once. */
async function answerOf(
  flags: AskFlags,
  context: Context,
  { path, ofScene }: { readonly path: string; readonly ofScene: (scene: Scene) => unknown },
): Promise<unknown> {
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  return (await adminApi(setup).get(path)) ?? ofScene(await readScene(setup, context));
}

async function readScene(setup: Setup, context: Context): Promise<Scene> {
  const runtime = await openRuntime(setup, { looksOnly: true });
  const { change, diagnostics } = await readOnce(runtime, context);
  tellPinned(runtime.generations, context.printer);
  return sceneOf(runtime, { state: { serving: change.serving, held: change.held, change, diagnostics, ready: false }, watched: false });
}

/** The URL, which is checked here so that a wrong one is a fault of the command's usage. */
function urlOf(url: string | undefined): string {
  readAskedUrl(url ?? '');
  return url ?? '';
}
