import { Hono, type Context } from 'hono';
import type { ControllerViews } from '../controller/views.ts';
import { messageOf } from '../lib/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { SERVERS } from '../model/rendered.ts';
import { carriesToken } from './auth.ts';
import type { Metrics } from './metrics.ts';

/** What the listener answers from. */
export interface AdminRoutesOptions {
  readonly views: ControllerViews;
  readonly metrics: () => Promise<Metrics>;
  readonly token: Secret;
  /** Names under which the listener may be asked (against DNS rebinding); none are checked on a unix socket. */
  readonly hosts: readonly string[];
  /** Requests may write without a token: they come over the unix socket. */
  readonly trusted: boolean;
}

/**
 * The admin API of contract.md section 4. On loopback anyone may read; writing needs the token or the unix socket. Requests that a
 * browser makes for another site are refused.
 */
export function adminRoutes({ views, metrics, token, hosts, trusted }: AdminRoutesOptions): Hono {
  const app = new Hono();
  const refuse = (context: Context, status: 400 | 401 | 403 | 404 | 409 | 415, code: string, message: string, hint = ''): Response =>
    context.json({ error: { code, message, ...(hint !== '' && { hint }) } }, status);

  app.use(async (context, next) => {
    const host = context.req.header('host') ?? '';
    const foreign = context.req.header('origin') !== undefined || context.req.header('sec-fetch-site') === 'cross-site';
    if (!trusted && (foreign || !hosts.includes(host)))
      return refuse(context, 403, 'FORBIDDEN', 'Cannot answer a request that comes from another site');
    if (context.req.method !== 'POST') return next();
    if (!trusted && !carriesToken(context.req.header('authorization'), token))
      return refuse(
        context,
        401,
        'UNAUTHORIZED',
        'Cannot write without a token',
        'Send "Authorization: Bearer TOKEN" with the content of admin.token in the state directory',
      );
    if (!(context.req.header('content-type') ?? '').startsWith('application/json'))
      return refuse(context, 415, 'MEDIA_TYPE', 'Cannot read the body: expected application/json');
    return next();
  });

  app.get('/metrics', async (context) => {
    const known = await metrics();
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
  app.get('/v1/status', (context) => context.json(views.status()));
  app.get('/v1/routes', (context) => context.json(views.routes()));
  app.get('/v1/services', (context) => context.json(views.services()));
  app.get('/v1/diagnostics', (context) => context.json(views.diagnostics(context.req.query('service'))));
  app.get('/v1/conflicts', (context) => context.json(views.conflicts()));
  app.get('/v1/test', (context) => {
    const { url = '', method, ip } = context.req.query();
    return answering(context, () => views.test({ url, method, ip, headers: context.req.queries('header') }));
  });
  app.get('/v1/explain', (context) => answering(context, () => views.explain(context.req.query('url') ?? '')));
  app.get('/v1/generations', (context) => context.json(views.generations()));
  app.post('/v1/rollback', async (context) => {
    const body: unknown = await context.req.json().catch(() => ({}));
    const { generation: id, acceptRemovals } = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    if (id !== undefined && !(typeof id === 'number' && Number.isInteger(id)))
      return refuse(context, 400, 'BAD_REQUEST', 'Cannot roll back: `generation` is no number');
    return views.rollback(id, { acceptRemovals: acceptRemovals === true }).then(
      (done) => context.json(done),
      (error: unknown) => refuse(context, 409, 'ROLLBACK_FAILED', messageOf(error)),
    );
  });
  app.post('/v1/switch', async (context) => {
    const body: unknown = await context.req.json().catch(() => ({}));
    const { server: name, acceptDifferences } = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    const server = SERVERS.find((candidate) => candidate === name);
    if (!server) return refuse(context, 400, 'BAD_REQUEST', `Cannot switch: \`server\` is none of ${SERVERS.join(', ')}`);
    return views.switchTo(server, { acceptDifferences: acceptDifferences === true }).then(
      (done) => context.json(done),
      (error: unknown) => refuse(context, 409, 'SWITCH_FAILED', messageOf(error), hintOf(error)),
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
  /** A view of what was asked for; 400 where that cannot be read. */
  function answering(context: Context, view: () => object): Response {
    try {
      return context.json(view());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return refuse(context, 400, 'BAD_REQUEST', error.message);
    }
  }

  app.notFound((context) => refuse(context, 404, 'NOT_FOUND', `There is nothing at ${context.req.path}`));
  return app;
}

function hintOf(error: unknown): string {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
}
