import type { MiddlewareOf } from '../../model/middleware.ts';
import type { RenderSettings } from '../target.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';

type Compress = MiddlewareOf<'compress'>;
type Added = Pick<RenderSettings, 'modules'>;

/** As Traefik has it: smaller answers are not worth it. */
const MIN_BYTES = 1024;

/** Types that are worth compressing, for a list of those that are not to be. Without such a list Caddy's own counts. */
const COMPRESSIBLE = [
  'application/atom+xml',
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/problem+json',
  'application/rss+xml',
  'application/wasm',
  'application/xhtml+xml',
  'application/xml',
  'image/svg+xml',
  'text/css',
  'text/csv',
  'text/event-stream',
  'text/html',
  'text/javascript',
  'text/markdown',
  'text/plain',
  'text/xml',
];

/** Compresses answers; nothing where Caddy has none of the encodings. */
export function compressHandler(wishes: Compress, added: Added): Handler {
  const encodings = encodingsOf(wishes, added);
  if (encodings.length === 0) return { matchers: [], directives: [] };
  const minimum = line('minimum_length', String(wishes.minBytes ?? MIN_BYTES));
  return { matchers: [], directives: [block(['encode', ...encodings], [minimum, ...typeLines(wishes)])] };
}

/** The encodings that Caddy has of those asked for, in their order. */
export function encodingsOf({ encodings = ['zstd', 'gzip'] }: Compress, { modules }: Added): readonly string[] {
  return encodings.filter(
    (encoding) => encoding === 'gzip' || encoding === 'zstd' || (encoding === 'br' && modules.has('http.encoders.br')),
  );
}

function typeLines({ includedContentTypes, excludedContentTypes }: Compress): readonly Node[] {
  const types = includedContentTypes ?? (excludedContentTypes && COMPRESSIBLE.filter((type) => !excludedContentTypes.includes(type)));
  if (!types) return [];
  // a type has parameters or none
  const lines = types.flatMap((type) => [type, `${type};*`]).map((type) => line('header', 'Content-Type', text(type)));
  return [block(['match'], lines.length > 0 ? lines : [line('header', 'Content-Type', text('none'))])];
}
