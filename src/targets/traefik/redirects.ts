import { regexpLiteral } from '../../lib/quote.ts';
import type { Redirect, RedirectPart } from '../../model/route.ts';
import { answerWith } from './addresses.ts';
import { named, type Named } from './named.ts';
import { replacementText } from './quote.ts';
import type { HttpMiddleware } from './schema.ts';
import { canAnswer } from './statuses.ts';

/**
 * A redirect action. Where its target is all text, any status is answered; else Traefik knows 301 and 302 for GET, with 308 and 307 for
 * other methods. A `?` without a query is dropped, as Fabio does.
 */
export function redirectOf(redirect: Redirect): readonly Named<HttpMiddleware>[] {
  const { status, to } = redirect;
  const fixed = fixedTarget(redirect);
  if (fixed !== undefined) return [named('location', { headers: { customResponseHeaders: { Location: fixed } } }), answerWith(status)];
  const hasQuery = to.some((part) => part.kind === 'text' && part.text.includes('?'));
  const path = to.find(({ kind }) => kind === 'path');
  const replacement = `${to.map(replacementOf).join('')}${path && !hasQuery ? '${4}' : ''}`;
  return [
    named('redirect', {
      redirectRegex: { regex: wholeUrl(path?.kind === 'path' ? path.strip : undefined), replacement, permanent: isPermanent(status) },
    }),
  ];
}

/** The statuses that Traefik answers with: for GET, and for other methods. */
export function servedStatuses(redirect: Redirect): { readonly get: number; readonly other: number } {
  const { status } = redirect;
  if (fixedTarget(redirect) !== undefined) return { get: status, other: status };
  return isPermanent(status) ? { get: 301, other: 308 } : { get: 302, other: 307 };
}

/** The target of a redirect that leads everybody to one URL with one status. */
function fixedTarget({ status, otherStatus = status, to }: Redirect): string | undefined {
  if (status !== otherStatus || !canAnswer(status)) return undefined;
  return to.every((part) => part.kind === 'text') ? to.map(({ text }) => text).join('') : undefined;
}

/** 1: host with port, 2: host, 3: path without what is to be cut off its beginning, 4: query. */
function wholeUrl(strip: string | undefined): string {
  const cut = strip === undefined ? '' : `(?:${regexpLiteral(strip)})?`;
  return `^[a-z]+://((\\[[^\\]]*\\]|[^/:?]*)(?::[0-9]+)?)${cut}([^?]*)(\\?.+)?\\??$`;
}

function replacementOf(part: RedirectPart): string {
  switch (part.kind) {
    case 'text':
      return replacementText(part.text);
    case 'host':
      return '${1}';
    case 'hostname':
      return '${2}';
    case 'path':
      return '${3}';
    default:
      throw new TypeError(`Cannot render a redirect part: ${JSON.stringify(part satisfies never)}`);
  }
}

function isPermanent(status: number): boolean {
  return status === 301 || status === 308;
}
