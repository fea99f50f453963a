import { bodyLimit } from 'hono/body-limit';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import type { ControllerViews } from '../controller/views.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import { SERVERS } from '../model/rendered.ts';
import { carriesToken } from './auth.ts';
import type { Metrics } from './metrics.ts';
import { STATE_DIR_HEADER, stateDirHeader } from './state-dir-header.ts';

/** What the listener answers from. */
export interface AdminRoutesOptions {
  readonly views: ControllerViews;
  readonly metrics: () => Promise<Metrics>;
  readonly token: Secret;
  /** Of the controller, as a real path: who asks for that of another one is refused. */
  readonly stateDir: string;
  /** Names under which the listener may be asked (against DNS rebinding); none are checked on a unix socket. */
  readonly hosts: readonly string[];
  /** Requests may write without a token: they come over the unix socket. */
  readonly trusted: boolean;
  readonly log: Log;
}

/**
 * The admin API of contract.md section 4. On loopback anyone may read; writing needs the token or the unix socket. Requests that a
 * browser makes for another site are refused, and those that are meant for the controller of another state directory.
 */
export function adminRoutes({ views, metrics, log, ...access }: AdminRoutesOptions): Hono {
  const app = new Hono();
  app.use(onlyAllowed({ ...access, methodsAt: (path) => methodsAt(app, path) }));
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }));
  addProbes(app, { views, metrics });
  addViews(app, views);
  addActions(app, views);
  app.notFound((context) => refusal(context, 404, { code: 'NOT_FOUND', message: `There is nothing at ${context.req.path}` }));
  // one of them is that a client goes before its body has come
  app.onError((error, context) => {
    const { method, path } = context.req;
    log.warn({ component: 'http', event: 'admin_failed', method, path, err: { message: error.message } }, 'A request was not answered');
    return refusal(context, 500, { code: 'FAILED', message: `Cannot answer: ${error.message}` });
  });
  return app;
}

/** No body that is asked for comes near it. */
const MAX_BODY_BYTES = 65_536;

function tooLarge(context: Context): Response {
  const message = `Cannot read the body: expected at most ${MAX_BODY_BYTES} bytes`;
  return refusal(context, 413, { code: 'BODY_TOO_LARGE', message });
}

/** What a path may be asked by; empty where there is nothing. */
function methodsAt(app: Hono, path: string): readonly string[] {
  const methods = app.routes.flatMap((route) => (route.path === path && route.method !== 'ALL' ? route.method : []));
  return methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method));
}

/** Passes on what may be asked: see `adminRoutes`. */
function onlyAllowed({
  token,
  stateDir,
  hosts,
  trusted,
  methodsAt: methodsOf,
}: Pick<AdminRoutesOptions, 'token' | 'stateDir' | 'hosts' | 'trusted'> & {
  readonly methodsAt: (path: string) => readonly string[];
}): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    const isForeign = context.req.header('origin') !== undefined || context.req.header('sec-fetch-site') === 'cross-site';
    if (!trusted && (isForeign || !hosts.includes(host)))
      return refusal(context, 403, { code: 'FORBIDDEN', message: 'Cannot answer a request that comes from another site' });
    const wanted = context.req.header(STATE_DIR_HEADER);
    if (wanted !== undefined && wanted !== stateDirHeader(stateDir))
      return refusal(context, 421, { code: 'OTHER_STATE_DIR', message: `Cannot answer for another state directory than ${stateDir}` });
    const { method, path } = context.req;
    const methods = methodsOf(path);
    if (methods.length > 0 && !methods.includes(method)) {
      context.header('allow', methods.join(', '));
      const message = `Cannot ${method} ${path}: expected ${methods.join(' or ')}`;
      return refusal(context, 405, { code: 'METHOD_NOT_ALLOWED', message });
    }
    if (method !== 'POST') return next();
    if (!trusted && !carriesToken(context.req.header('authorization'), token))
      return refusal(context, 401, {
        code: 'UNAUTHORIZED',
        message: 'Cannot write without a token',
        hint: 'Send "Authorization: Bearer TOKEN" with the content of admin.token in the state directory',
      });
    if (!(context.req.header('content-type') ?? '').startsWith('application/json'))
      return refusal(context, 415, { code: 'MEDIA_TYPE', message: 'Cannot read the body: expected application/json' });
    return next();
  };
}

function addProbes(app: Hono, { views, metrics }: Pick<AdminRoutesOptions, 'views' | 'metrics'>): void {
  app.get('/metrics', async (context) => {
    const known = await metrics();
    const { sources, proxies } = views.status();
    for (const { name, state, index, services } of sources)
      known.source(name, { up: state === 'synced', index: Number(index ?? Number.NaN), services });
    for (const proxy of proxies) known.proxy(proxy);
    return context.body(await known.text(), 200, { 'content-type': known.contentType });
  });
  app.get('/health', (context) => {
    const { health, sources, proxies, guard } = views.status();
    return context.json({ status: health, sources, proxies, ...(guard !== undefined && { guard }) }, health === 'dead' ? 503 : 200);
  });
  app.get('/ready', (context) => {
    const { ready } = views.status();
    return context.json({ ready }, ready ? 200 : 503);
  });
}

function addViews(app: Hono, views: ControllerViews): void {
  app.get('/v1/status', (context) => context.json(views.status()));
  app.get('/v1/routes', (context) => context.json(views.routes()));
  app.get('/v1/services', (context) => context.json(views.services()));
  app.get('/v1/snapshot', (context) => context.json(views.snapshot()));
  app.get('/v1/config', (context) => context.json(views.config()));
  app.get('/v1/diagnostics', (context) => context.json(views.diagnostics(context.req.query('service'))));
  app.get('/v1/conflicts', (context) => context.json(views.conflicts()));
  app.get('/v1/generations', (context) => context.json(views.generations()));
  app.get('/v1/test', (context) => {
    const { url = '', method, ip } = context.req.query();
    return answered(context, () => views.test({ url, method, ip, headers: context.req.queries('header') }));
  });
  app.get('/v1/explain', (context) => answered(context, () => views.explain(context.req.query('url') ?? '')));
}

/** A view of what was asked for; 400 where that cannot be read. */
function answered(context: Context, view: () => object): Response {
  try {
    return context.json(view());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return badRequest(context, error.message);
  }
}

function addActions(app: Hono, views: ControllerViews): void {
  app.post('/v1/rollback', async (context) => {
    const fields = await fieldsOf(context);
    if (!fields) return badRequest(context, NO_OBJECT);
    const id = fields.get('generation');
    if (id !== undefined && !(typeof id === 'number' && Number.isInteger(id)))
      return badRequest(context, 'Cannot roll back: `generation` is no number');
    return views.rollback(id, { acceptRemovals: fields.get('acceptRemovals') === true }).then(
      (done) => context.json(done),
      (error: unknown) => refusal(context, 409, { code: 'ROLLBACK_FAILED', message: messageOf(error) }),
    );
  });
  app.post('/v1/switch', async (context) => {
    const fields = await fieldsOf(context);
    if (!fields) return badRequest(context, NO_OBJECT);
    const server = SERVERS.find((candidate) => candidate === fields.get('server'));
    if (!server) return badRequest(context, `Cannot switch: \`server\` is none of ${SERVERS.join(', ')}`);
    return views.switchTo(server, { acceptDifferences: fields.get('acceptDifferences') === true }).then(
      (done) => context.json(done),
      (error: unknown) => refusal(context, 409, { code: switchCodeOf(error), message: messageOf(error), hint: hintOf(error) }),
    );
  });
  app.post('/v1/unpin', async (context) => {
    await views.unpin();
    return context.json(views.status());
  });
  app.post('/v1/guard/accept', (context) => {
    views.acceptRemovals();
    return context.json(views.status());
  });
  app.post('/v1/resync', (context) => {
    views.resync();
    return context.json(views.status());
  });
}

const NO_OBJECT = 'Cannot read the body: expected a JSON object';

/** The fields of a body, none where it is empty; undefined where it is no JSON object, which must not count as one without a wish. */
async function fieldsOf(context: Context): Promise<ReadonlyMap<string, unknown> | undefined> {
  const text = await context.req.text();
  if (text.trim() === '') return new Map();
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? new Map<string, unknown>(Object.entries(value)) : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

function refusal(context: Context, status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 500, error: Problem): Response {
  return context.json({ error }, status);
}

function badRequest(context: Context, message: string): Response {
  return refusal(context, 400, { code: 'BAD_REQUEST', message });
}

/** The code of a switch that failed: its own where the other proxy does not do what is wanted. */
function switchCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && error.code === 'SWITCH_REFUSED' ? error.code : 'SWITCH_FAILED';
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
}
