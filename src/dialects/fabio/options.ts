import { nearest } from '../../lib/nearest.ts';
import type { IntentAction } from '../../model/intent.ts';
import type { Middleware } from '../../model/middleware.ts';
import type { PoolOptions, UpstreamProtocol } from '../../model/pool.ts';
import { readAccess, readAuth, type FabioMiddleware } from './access.ts';
import { readDestination, type FabioProtocol } from './destination.ts';
import { EXTENSIONS } from './extensions.ts';
import type { Option } from './lex.ts';
import { noteAt, refuse, type Note, type Read } from './note.ts';
import { readPaths, refusePaths } from './paths.ts';
import { withPathChanges, type PathChanges } from './redirect.ts';
import { readUpstream } from './upstream.ts';

/** What the options of one tag ask for. */
export interface FabioOptions {
  readonly middlewares: readonly FabioMiddleware[];
  readonly action: IntentAction;
  readonly spoken: FabioProtocol;
  readonly protocol: UpstreamProtocol;
  readonly pool: PoolOptions;
  readonly share?: number;
  /** Options that nothing is done with, verbatim. */
  readonly kept: readonly string[];
}

/** Every option of Fabio and of ours. */
const KNOWN: readonly string[] = [
  'strip',
  'prepend',
  'proto',
  'host',
  'tlsskipverify',
  'weight',
  'redirect',
  'auth',
  'allow',
  'deny',
  'pxyproto',
  'grpcservername',
  'register',
  ...EXTENSIONS,
];

/** The reading of one tag's options; keys are compared by case, the last of equal keys counts. `isTcp`: a TCP route by its form. */
export function parseOptions(
  options: readonly Option[],
  { pathText, isTcp }: { readonly pathText: string; readonly isTcp: boolean },
): Read<FabioOptions> {
  const destination = readDestination(options);
  const { others, redirect } = destination.value;
  const spoken = isTcp ? 'tcp' : destination.value.protocol;
  const isHttp = spoken === 'http' || spoken === 'https';
  const upstream = readUpstream(spoken, destination.value);
  const access = readAccess(others, { kind: spoken === 'tcp' ? 'peer' : 'everyHop' });
  const auth = readAuth(others);
  const protectedRoute = ['allow', 'deny', 'auth'].some((key) => others.has(key));
  const paths = isHttp ? readPaths(others, { pathText, protectedRoute }) : { value: [], notes: [] };
  const led = redirect && withPathChanges(redirect, changesOf(paths.value, others));
  const target = led ?? redirect;
  const value: FabioOptions = {
    middlewares: [...access.value, ...auth.value, ...(led ? [] : paths.value)],
    action: target ? { kind: 'redirect', redirect: target } : { kind: 'forward' },
    spoken,
    ...upstream.value,
    ...(destination.value.share !== undefined && { share: destination.value.share }),
    kept: [...others.values()].filter(isKept).map(({ token }) => token.text),
  };
  const notes = [
    ...destination.notes,
    ...upstream.notes,
    ...access.notes,
    ...auth.notes,
    ...paths.notes,
    ...(spoken === 'grpc' || spoken === 'grpcs' ? refusePaths(others) : []),
    ...(spoken === 'tcp' ? refuseOnTcp(others, redirect && options.findLast(({ key }) => key === 'redirect')) : []),
    ...options.flatMap(quotes),
    ...options.filter(({ key }, index) => options.findLastIndex((other) => other.key === key) === index).flatMap(withoutEffect),
    ...[...others.values()].flatMap(remarks),
  ];
  return { value, notes };
}

/** The changes of the path as the tag has them, those that are in order. */
function changesOf(middlewares: readonly Middleware[], others: ReadonlyMap<string, Option>): PathChanges {
  const written = (kind: Middleware['kind'], key: string): string | undefined =>
    middlewares.some((middleware) => middleware.kind === kind) ? others.get(key)?.value : undefined;
  return { strip: written('stripPrefix', 'strip'), prepend: written('addPrefix', 'prepend') };
}

/** Connections carry no password and follow no redirect. */
function refuseOnTcp(others: ReadonlyMap<string, Option>, redirect: Option | undefined): readonly Note[] {
  const auth = others.get('auth');
  const unasked = '`auth` cannot be asked of TCP connections; the route is not served';
  const elsewhere = '`redirect` on a TCP route: Fabio would connect to its URL; the route is not served';
  return [
    ...(auth ? [noteAt(auth, 'FABIO_PROTECTION_UNSERVED', unasked, { fault: 'protective' })] : []),
    ...(redirect ? [refuse(redirect, 'FABIO_REDIRECT_PROTO', elsewhere)] : []),
  ];
}

/** An option that no part of the route says again. */
function isKept({ key, value }: Option): boolean {
  return !KNOWN.includes(key) || key === 'register' || (key === 'proto' && value !== 'http');
}

/** A double quote ends the options of Fabio's command; the URL of a redirect stands outside of them. */
function quotes(option: Option): readonly Note[] {
  const { key, value, token } = option;
  const text = key === 'redirect' && value.split(',').length === 2 ? value.slice(0, value.indexOf(',')) : token.text;
  return text.includes('"') ? [refuse(option, 'FABIO_OPTION_QUOTE', 'A double quote: Fabio would stop updating its whole table')] : [];
}

/** Options that do something by their value alone, with what they look like then. */
const FORMS: ReadonlyMap<string, string> = new Map([
  ['strip', 'strip=/PATH'],
  ['prepend', 'prepend=/PATH'],
  ['host', 'host=NAME or host=dst'],
  ['weight', 'weight=0.2'],
  ['grpcservername', 'grpcservername=NAME'],
  ['tlsskipverify', 'tlsskipverify=true'],
  ['pxyproto', 'pxyproto=true'],
]);
const SWITCHES: ReadonlySet<string> = new Set(['tlsskipverify', 'pxyproto']);

/** Says that an option is there and does nothing, in Fabio as here: it has no value, or is a switch with another than `true` and `false`. */
function withoutEffect(option: Option): readonly Note[] {
  const { key, value, token } = option;
  const form = FORMS.get(key);
  const hasEffect = SWITCHES.has(key) ? ['true', 'false'].includes(value) : value !== '';
  if (form === undefined || hasEffect) return [];
  const hint = `Write ${form}, or remove the option`;
  return [noteAt(option, 'FABIO_OPTION_NO_EFFECT', `\`${token.text}\` changes nothing, as in Fabio`, { hint })];
}

/** What is to be said about an option by itself. */
function remarks(option: Option): readonly Note[] {
  const { key, value } = option;
  if (key === 'register') return [noteAt(option, 'FABIO_REGISTER_IGNORED', '`register` has no counterpart; it is ignored')];
  if (key === 'proto') return value === 'http' ? [] : [unknownProtocol(option)];
  return KNOWN.includes(key) ? [] : [unknown(option)];
}

function unknownProtocol(option: Option): Note {
  const message = `"${option.value}" is no protocol that a tag can set; it changes nothing`;
  const passed = 'To pass TLS on undecrypted say proto=tcp; an entry point must be declared tcp';
  return noteAt(option, 'FABIO_PROTO_UNKNOWN', message, { hint: /sni/.test(option.value) ? passed : 'Use https, grpc, grpcs or tcp' });
}

function unknown(option: Option): Note {
  const meant = nearest(option.key, KNOWN);
  const hint = meant === undefined ? {} : { hint: `Did you mean \`${meant}\`?` };
  return noteAt(option, 'FABIO_OPTION_UNKNOWN', `Fabio knows no option "${option.key}"; it is ignored`, hint);
}
