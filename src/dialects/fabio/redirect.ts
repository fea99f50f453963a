import type { Redirect, RedirectPart } from '../../model/route.ts';
import type { RouteNote } from './route.ts';

/**
 * Reads `redirect=CODE,URL`. `$path` carries path and query and absorbs one `/` before it, `$host` is the request's Host header and
 * counts once (fabiolb/fabio:route/target.go BuildRedirectURL).
 */
export function parseRedirect(value: string): Redirect | RouteNote {
  const [code = '', url = '', ...rest] = value.split(',');
  if (rest.length > 0 || url === '')
    return { code: 'FABIO_REDIRECT_FORM', message: `Cannot read the redirect "${value}": expected CODE,URL without further commas` };
  const status = /^\d{3}$/.test(code) ? Number(code) : 0;
  if (status < 300 || status > 399)
    return { code: 'FABIO_REDIRECT_CODE', message: `Cannot redirect with status "${code}": expected 300–399` };
  if (!/^(https?:\/\/[^/]|\/)/i.test(url))
    return { code: 'FABIO_REDIRECT_FORM', message: `Cannot redirect to "${url}": expected http://, https:// or a path` };
  if (/["\\`{}<>^|]/.test(url))
    return { code: 'FABIO_REDIRECT_FORM', message: `Cannot redirect to "${url}": it holds a character that no URL has` };
  return { status, to: partsOf(url) };
}

function partsOf(url: string): readonly RedirectPart[] {
  const [beforePath = '', ...afterPath] = url.split('$path');
  const head = afterPath.length > 0 ? beforePath.replace(/\/$/, '') : beforePath;
  const tail = afterPath.join('$path');
  const host = head.indexOf('$host');
  const parts: RedirectPart[] = [
    ...(host < 0 ? [text(head)] : [text(head.slice(0, host)), { kind: 'host' } as const, text(head.slice(host + '$host'.length))]),
    ...(afterPath.length > 0 ? [{ kind: 'path' } as const] : []),
    text(tail),
  ];
  return parts.filter((part) => part.kind !== 'text' || part.text !== '');
}

function text(value: string): RedirectPart {
  return { kind: 'text', text: value };
}
