/**
 * Path and query of a request as Go's net/url keeps them, in which both proxies are written. Paths are strings of bytes: each character
 * is one byte, 0 to 255.
 */
export interface GoUrl {
  /** The decoded path. */
  readonly path: string;
  /** The encoded path, where it is not what `escapePath` makes of the decoded one; else empty. */
  readonly rawPath: string;
  /** What stands behind `?`; absent where there is none. */
  readonly query?: string;
}

/** The target of a request line (`/path?query`); undefined where Go's server answers 400 to it. */
export function parseGoUrl(target: string): GoUrl | undefined {
  // oxlint-disable-next-line no-control-regex -- Go refuses them
  if (!target.startsWith('/') || /[\x00-\x1f\x7f]/.test(target)) return undefined;
  const mark = target.indexOf('?');
  const parsed = goPath(mark < 0 ? target : target.slice(0, mark));
  return parsed && { ...parsed, ...(mark >= 0 && { query: target.slice(mark + 1) }) };
}

/** An encoded path, decoded (Go's `setPath`); undefined where an escape is broken. */
export function goPath(encoded: string): Pick<GoUrl, 'path' | 'rawPath'> | undefined {
  const path = unescapePath(encoded);
  return path === undefined ? undefined : { path, rawPath: escapePath(path) === encoded ? '' : encoded };
}

/** The path as it is sent (Go's `EscapedPath`). */
export function encodedPath({ path, rawPath }: Pick<GoUrl, 'path' | 'rawPath'>): string {
  return rawPath !== '' && isEncoded(rawPath) && unescapePath(rawPath) === path ? rawPath : escapePath(path);
}

/** Path and query as they are sent (Go's `RequestURI`). */
export function requestUri(url: GoUrl): string {
  const path = encodedPath(url);
  return `${path === '' ? '/' : path}${url.query === undefined ? '' : `?${url.query}`}`;
}

/** The URL with its encoded path cleaned (Go's `JoinPath` without elements). */
export function joined(url: GoUrl): GoUrl {
  const encoded = encodedPath(url);
  const cleaned = cleanPath(encoded.startsWith('/') ? encoded : `/${encoded}`);
  return { ...url, ...goPath(cleaned) };
}

/** A path without dot segments and doubled slashes; a slash at its end stays. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const cleaned = `/${kept.join('/')}`;
  return path.endsWith('/') && cleaned !== '/' ? `${cleaned}/` : cleaned;
}

/** The bytes of a text with `%XX`; undefined where an escape is broken. */
export function unescapePath(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Bytes as Go's `EscapedPath` writes a path of its own accord. */
export function escapePath(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9$&+,/:;=@_.~-]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** Bytes as the text that they stand for in UTF-8. */
export function textOfBytes(bytes: string): string {
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

/** A text as its bytes in UTF-8. */
export function bytesOfText(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

/** Whether every character may stand in an encoded path (Go's `validEncoded`). */
function isEncoded(text: string): boolean {
  return /^[A-Za-z0-9!$&'()*+,;=:@[\]%/_.~-]*$/.test(text);
}
