import type { Reference, RouteIntent } from '../model/intent.ts';
import type { Middleware } from '../model/middleware.ts';

/** What an intent asks for as one text: equal for two that ask the same, wherever their tags stand. */
export function askKey(intent: RouteIntent): string {
  const { entryPoints, match, middlewares, action, protocol, pool, transport, backend, share, weight, tls, tcpTls, tlsProfile } = intent;
  const asked = [entryPoints, match, middlewares, action, protocol, pool, share, weight, tls, tcpTls, intent.fault?.code, intent.kept];
  const names = [transport, backend, tlsProfile].map((reference) => reference && withoutSpan(reference));
  return canonicalJson([...asked.map((part) => (part === middlewares ? middlewares.map(withoutSpan) : part)), ...names]);
}

/** JSON with the keys of every object in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function withoutSpan(middleware: Middleware | Reference): unknown {
  return middleware.kind === 'reference' ? { to: middleware.to, name: middleware.name } : middleware;
}
