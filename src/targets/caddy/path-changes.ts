import { bytesOfText, escapePath } from '../../lib/go-url.ts';
import { regexpLiteral } from '../../lib/quote.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import type { Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { DialectName } from '../../model/route.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { AMBIGUOUS, URI } from './canonical.ts';
import { literalUrl, literalValue } from './quote.ts';

/*
 * Fabio's tags change the decoded path, which becomes the path; Traefik's change the path as it was sent, so that what is encoded stays so
 * (`uri`). Traefik answers 400 where what is left of a path must be cleaned again.
 */

interface PathContext {
  readonly name: string;
  readonly dialect: DialectName;
  /** The variable that tells whether nothing is left of the path, for the prefix that is put before it. */
  readonly emptied?: string | undefined;
  /** The header that gets what is cut; with a `+` it is added to what is there. */
  readonly prefixField: string;
  /** The header that gets the path that is replaced; with a `+` it is added to what is there. */
  readonly replacedField: string;
  /** Whether the path may hold what must be cleaned before anything is cut. */
  readonly mayBeUnclean: boolean;
}

type Replacing = Pick<PathContext, 'name' | 'replacedField'>;

/** The header in which instances get the path that was replaced. */
export const REPLACED_PATH = 'X-Replaced-Path';
/** The header in which instances get what was cut. */
export const FORWARDED_PREFIX = 'X-Forwarded-Prefix';

/** Where the middleware stands that changes the path next after those of Traefik that may leave nothing of it. */
export function nextAfterStrip(middlewares: readonly Middleware[], index: number, dialect: DialectName): number | undefined {
  const strip = middlewares[index];
  const empties = strip?.kind === 'stripPrefixRegexp' || (strip?.kind === 'stripPrefix' && !strip.forceSlash);
  if (dialect !== 'traefik' || !empties) return undefined;
  return middlewares.findIndex(({ kind }, at) => at > index && CHANGING.some((known) => known === kind));
}

const CHANGING = ['addPrefix', 'replacePath', 'replacePathRegexp'] as const;

/** Whether a middleware may leave what must be cleaned in a clean path: a prefix with a slash at its end leaves two in a row. */
export function mayLeaveUnclean(middleware: Middleware): boolean {
  const text = middleware.kind === 'addPrefix' ? `${middleware.prefix}/x` : middleware.kind === 'replacePath' ? middleware.path : '';
  return compileRegexp(UNCLEAN_PATH).test(text);
}

/** Cuts the first prefix that fits, case-sensitively. */
export function stripPrefix({ prefixes }: MiddlewareOf<'stripPrefix'>, context: PathContext): Handler {
  const { name, dialect } = context;
  const each = prefixes.map((prefix, index) => {
    const id = `${name}p${index}`;
    if (dialect !== 'traefik') return stripDecoded(prefix, id);
    return stripEncoded({ regexp: regexpLiteral(prefix), prefix: literalValue(prefix), header: literalUrl(prefix) }, { ...context, id });
  });
  return inRoute(each);
}

/** Cuts what the first expression that fits has matched at the beginning of the path. */
export function stripPrefixRegexp({ regexps }: MiddlewareOf<'stripPrefixRegexp'>, context: PathContext): Handler {
  const each = regexps.filter(cutsSomething).map((regexp, index) => {
    const id = `${context.name}p${index}`;
    return stripEncoded({ regexp, prefix: `{re.${id}.cut}`, header: `{re.${id}.cut}` }, { ...context, id });
  });
  return inRoute(each);
}

/** Whether an expression cannot match nothing at all: with one that can, nobody could tell what it has cut. */
export function cutsSomething(regexp: string): boolean {
  return !compileRegexp(`^(?:${regexp})`).test('');
}

/** Whether Caddy finds what an expression has matched again in the encoded path. */
export function isCuttable(prefix: string): boolean {
  return /^[ -$&-~]*$/.test(prefix);
}

/** Puts a prefix before the path. */
export function addPrefix({ prefix }: MiddlewareOf<'addPrefix'>, { name, dialect, emptied }: PathContext): Handler {
  if (dialect === 'traefik') {
    const added = text(literalReplacement(encodedText(prefix)));
    if (emptied === undefined) return { matchers: [], directives: [line('uri', '*', 'path_regexp', text('^'), added)] };
    const nothingLeft = line('vars', emptied, 'yes');
    return {
      matchers: [block([`@${name}all`], [nothingLeft]), block([`@${name}`], [block(['not'], [nothingLeft])])],
      directives: [line('uri', `@${name}all`, 'path_regexp', text('^/$'), added), line('uri', `@${name}`, 'path_regexp', text('^'), added)],
    };
  }
  return {
    matchers: [line(`@${name}`, 'path_regexp', name, text('(?s)^(.*)$'))],
    directives: [line('rewrite', `@${name}`, text(`${encodedText(prefix)}{re.${name}.1}`))],
  };
}

/** Replaces the whole path by one that is encoded already. */
export function replacePath({ path }: MiddlewareOf<'replacePath'>, { name, replacedField }: Replacing): Handler {
  const before = encodedPathAs(name);
  return {
    matchers: [before],
    directives: [
      line('request_header', `@${name}`, replacedField, text(`{re.${name}.1}`)),
      line('uri', '*', 'path_regexp', text('^.*$'), text(literalReplacement(literalPath(path)))),
    ],
  };
}

/** Replaces what an expression matches in the encoded path. */
export function replacePathRegexp({ regexp, replacement }: MiddlewareOf<'replacePathRegexp'>, { name, replacedField }: Replacing): Handler {
  const changed = `${name}x`;
  return {
    matchers: [encodedPathAs(name), line(`@${changed}`, 'vars_regexp', `${name}path`, text(regexp)), unclean(name)],
    directives: [
      line('vars', `@${name}`, `${name}path`, text(`{re.${name}.1}`)),
      block(
        ['route', `@${changed}`],
        [
          line('request_header', '*', replacedField, text(`{http.vars.${name}path}`)),
          line('uri', '*', 'path_regexp', text(regexp), text(replacementOf(replacement))),
          line('respond', `@${name}unclean`, '400'),
        ],
      ),
    ],
  };
}

function inRoute(handlers: readonly Handler[]): Handler {
  const directives = handlers.flatMap((handler) => handler.directives);
  return {
    matchers: handlers.flatMap(({ matchers }) => matchers),
    directives: directives.length > 0 ? [block(['route'], directives)] : [],
  };
}

/**
 * The rest of the decoded, cleaned path becomes the path, behind a slash; where the path as sent holds an encoded `?` or `%`, only the prefix
 * itself is cut, so that nothing is decoded twice.
 */
function stripDecoded(prefix: string, id: string): Handler {
  const literal = regexpLiteral(prefix);
  return {
    matchers: [
      block([`@${id}q`], [line('vars_regexp', URI, text(AMBIGUOUS)), line('path_regexp', text(`^${literal}`))]),
      line(`@${id}`, 'path_regexp', id, text(`(?s)^${literal}/?(.*)$`)),
    ],
    directives: [
      block(['handle', `@${id}q`], [line('uri', 'path_regexp', text(`^${literal}/?`), '/')]),
      block(
        ['handle', `@${id}`],
        [line('rewrite', '*', text(`/{re.${id}.1}`)), line('request_header', '*', FORWARDED_PREFIX, text(literalUrl(prefix)))],
      ),
    ],
  };
}

/** Caddy would clean a dot segment that is left away. Where nothing is left there is still a slash. `prefix`, `header`: as Caddy expands them. */
function stripEncoded(
  { regexp, prefix, header }: { readonly regexp: string; readonly prefix: string; readonly header: string },
  { id, emptied, prefixField, mayBeUnclean }: PathContext & { readonly id: string },
): Handler {
  const rest = `{re.${id}.rest}`;
  // a `handle` alone would sort them
  const steps = [
    line('respond', `@${id}dots`, '400'),
    ...(mayBeUnclean ? [line('respond', `@${id}unclean`, '400')] : []),
    line('uri', 'strip_prefix', text(prefix)),
    line('uri', 'path_regexp', text('^/?'), '/'),
    line('request_header', '*', prefixField, text(header)),
    ...(emptied === undefined ? [] : [line('vars', `@${id}all`, emptied, 'yes')]),
  ];
  // what is left is decoded: slashes that were sent encoded are none
  const uncleanRest = [
    line('vars_regexp', rest, text(UNCLEAN_PATH)),
    block(['not'], [block(['not'], [line('vars_regexp', URI, text(UNCLEAN_URI))])]),
  ];
  const matchers = [
    line(`@${id}`, 'vars_regexp', id, '{http.request.uri.path}', text(`^(?P<cut>${regexp})(?P<rest>(?s:.*))$`)),
    line(`@${id}dots`, 'vars_regexp', rest, text('^\\.\\.?(?:/|$)')),
    ...(mayBeUnclean ? [block([`@${id}unclean`], uncleanRest)] : []),
    ...(emptied === undefined ? [] : [line(`@${id}all`, 'vars_regexp', rest, text('^$'))]),
  ];
  return { matchers, directives: [block(['handle', `@${id}`], [block(['route'], steps)])] };
}

/** Two slashes in a row or a dot segment behind a slash. */
const UNCLEAN_PATH = '//|/\\.\\.?(?:/|$)';
/** The same in the path of a URL. */
const UNCLEAN_URI = '^[^?]*(//|/\\.\\.?(/|\\?|$))';

/** The encoded path, captured as the first group of `name`. */
function encodedPathAs(name: string): Node {
  return line(`@${name}`, 'vars_regexp', name, URI, text('^([^?]*)'));
}

/** A path that does not begin with a slash, has two of them in a row or a dot segment. */
function unclean(name: string): Node {
  return line(`@${name}unclean`, 'vars_regexp', URI, text('(?i)^([^/?]|[^?]*(//|/(\\.|%2e){1,2}(/|\\?|$)))'));
}

/** A text as part of an encoded path. */
function encodedText(value: string): string {
  return escapePath(bytesOfText(value));
}

/** An encoded path in which nothing begins a query, a fragment or a placeholder. */
function literalPath(path: string): string {
  return literalUrl(path).replace(/[?#]/g, (char) => (char === '?' ? '%3F' : '%23'));
}

/** A text that stands for itself where Go replaces what an expression has matched. */
function literalReplacement(value: string): string {
  return value.replaceAll('$', '$$$$');
}

/** A replacement with its `$1` and `${1}`, as Caddy hands it on to Go; everything else is literal. */
function replacementOf(replacement: string): string {
  return replacement
    .split(/(\$\$|\$\{\w+\}|\$\w+)/)
    .map((part, index) => {
      if (index % 2 === 0) return literalReplacement(literalPath(part));
      return part.replace(/[{}]/g, (brace) => `\\${brace}`);
    })
    .join('');
}
