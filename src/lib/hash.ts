import { hash } from 'node:crypto';

/** SHA-256 of a text as 64 lower-case hex digits. */
export function sha256(text: string): string {
  return hash('sha256', text);
}

/** SHA-1 of a text as 40 lower-case hex digits, where another program made a name of it. */
export function sha1(text: string): string {
  return hash('sha1', text);
}

/** The first 20 hex digits of SHA-256 over the parts, each prefixed with its length, so that no two lists of parts collide by joining. */
export function shortHash(parts: readonly string[]): string {
  return sha256(parts.map((part) => `${part.length}:${part}`).join('')).slice(0, 20);
}
