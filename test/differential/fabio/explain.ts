import type { DiagnosticCode } from '../../../src/model/codes.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import type { Server } from '../../../src/model/rendered.ts';
import type { Route } from '../../../src/model/route.ts';
import { NODE } from '../arena.ts';
import { ourRoute, type Told } from '../explain.ts';
import type { Asked } from '../requests.ts';
import type { FabioCatalog } from './catalog.ts';
import { differencesOf, retold, type FabioDifference, type Facts, type Tally } from './compare.ts';

/** `withheld`: we answer 503. `unrouted`: we serve no such route. `other`: other instances answer. `changed`: the rest. */
type Aspect = 'withheld' | 'unrouted' | 'other' | 'changed';

/** What each code may explain; a code that is not here explains nothing. */
const EXPLAINS: Partial<Readonly<Record<DiagnosticCode, readonly Aspect[]>>> = {
  FABIO_ROUTE_SYNTAX: ['unrouted', 'other'],
  FABIO_HOST_GLOB: ['unrouted', 'other'],
  FABIO_PATH_GLOB: ['unrouted', 'other'],
  FABIO_OPTION_VALUE: ['withheld', 'other', 'unrouted'],
  FABIO_OPTION_EXTENSION: ['changed'],
  FABIO_STRIP_OUTSIDE_PATH: ['withheld'],
  FABIO_REDIRECT_FORM: ['withheld', 'other'],
  FABIO_REDIRECT_CODE: ['withheld', 'other'],
  FABIO_REDIRECT_PROTO: ['withheld', 'other'],
  FABIO_ACL_SYNTAX: ['withheld', 'other'],
  FABIO_ACL_BOTH: ['withheld', 'other'],
  FABIO_AUTH_UNKNOWN: ['withheld', 'other'],
  FABIO_PROTECTION_UNSERVED: ['withheld', 'other'],
  ROUTE_OPTIONS_DIFFER: ['changed', 'other', 'withheld'],
  // the first of two tags counts (tags.md 1.3), where Fabio has a target for each
  ROUTE_DUPLICATE: ['changed', 'other'],
  ROUTE_TARGET_REFUSED: ['withheld', 'other'],
  ROUTE_WITHHELD: ['withheld'],
  ROUTE_ENTRYPOINT_KIND: ['unrouted', 'other'],
  ROUTE_ENTRYPOINT_MISSING: ['unrouted', 'other'],
  CADDY_UNSUPPORTED: ['withheld', 'unrouted', 'other'],
  CADDY_APPROXIMATED: ['changed'],
  CADDY_MIXED_SCHEMES: ['changed', 'other'],
  TRAEFIK_UNSUPPORTED: ['withheld', 'unrouted', 'other'],
  TRAEFIK_APPROXIMATED: ['changed'],
  TRAEFIK_REDIRECT_STATUS: ['changed'],
};

/**
 * What is so by design, or cannot be otherwise on Traefik, whatever the tags. `protections hold together`: of several instances of one
 * route one that is protected protects all (tags.md 1.7). `failing instances are passed over`: another one is tried, and one that does not
 * speak http is not asked at all. `prefix that was not cut`: Fabio says what `strip` asks for in X-Forwarded-Prefix where nothing fits it.
 */
type Page =
  | 'port of Host on Traefik'
  | 'dot behind Host on Traefik'
  | 'encoded path on Traefik'
  | 'protections hold together'
  | 'failing instances are passed over'
  | 'redirect to itself on Traefik'
  | 'prefix that was not cut';

/** The route of ours that answers, and what explains a difference. */
export interface FabioExplanation {
  readonly route: Route | undefined;
  readonly reported: readonly Diagnostic[];
  readonly page: Page | undefined;
  /** Everything else that was reported of the catalog. */
  readonly other: readonly Diagnostic[];
}

/** A difference with what is known of it. */
export interface FabioCase {
  readonly catalog: FabioCatalog;
  readonly asked: Asked;
  readonly server: Server;
  readonly loaded: Told;
  readonly fabio: Tally;
  readonly ours: Tally;
  readonly differences: readonly FabioDifference[];
}

/** What was reported of our route, or of the instance that answered for Fabio, and may explain a difference; none: it is a finding. */
export function explainFabio(found: FabioCase): FabioExplanation {
  const { catalog, loaded, asked, fabio } = found;
  const route = ourRoute({ asked, loaded });
  const aspect = aspectOf(route, found);
  const answering = new Set([...fabio.values()].map(({ facts }) => facts.instance));
  const services = new Set(
    catalog.instances.filter(({ address, port }) => answering.has(`${address}:${port}`)).map(({ service }) => service),
  );
  const own = new Map(catalog.instances.map(({ id, service }) => [`${NODE}/${id}`, service]));
  const reported = loaded.diagnostics.filter(({ code, message, span, related }) => {
    if (span === undefined || !(EXPLAINS[code]?.includes(aspect) || isOfHops(message, found))) return false;
    const isOfRoute = [span, ...related].some(({ instance, tagIndex }) =>
      route?.spans.some((one) => one.instance === instance && one.tagIndex === tagIndex),
    );
    return isOfRoute || (aspect !== 'changed' && services.has(own.get(span.instance) ?? ''));
  });
  const other = loaded.diagnostics.filter((one) => !reported.includes(one) && one.span !== undefined && own.has(one.span.instance));
  return { route, reported, page: pageOf(found, route), other };
}

/** Whether a report that hops are not seen is why Fabio refuses what we let through. */
function isOfHops(message: string, { asked, fabio }: FabioCase): boolean {
  const hasHops = asked.headers.some(([name]) => name === 'X-Forwarded-For');
  return message.startsWith('Only hops that one of') && hasHops && statusesOf(fabio).join(' ') === '403';
}

function aspectOf(route: Route | undefined, { differences }: FabioCase): Aspect {
  if (!route) return 'unrouted';
  if (route.action.kind === 'respond') return 'withheld';
  if (differences.some(({ what }) => what === 'instance')) return 'other';
  return route.action.kind === 'forward' && differences.some(({ what }) => what === 'status') ? 'other' : 'changed';
}

function pageOf(found: FabioCase, route: Route | undefined): Page | undefined {
  const { server, fabio, ours } = found;
  const statuses = statusesOf(fabio);
  const own = statusesOf(ours);
  const isProtected = own.length === 1 && own.every((status) => status === '401' || status === '403');
  if (isProtected && route && route.spans.length > 1 && !isSameStatus(statuses, own)) return 'protections hold together';
  if (statuses.includes('failure') && statuses.length > 1) return 'failing instances are passed over';
  const strips = route !== undefined && JSON.stringify([route.middlewares, route.action]).includes('stripPrefix');
  const isStrip = route?.spans.some(({ tag }) => tag.includes(' strip=')) === true;
  if ((strips || isStrip) && isSameBut(found, (facts) => ({ ...facts, prefix: '' }))) return 'prefix that was not cut';
  return server === 'traefik' ? traefikPageOf(found) : undefined;
}

function traefikPageOf(found: FabioCase): Page | undefined {
  const { host, tls, path } = found.asked;
  const port = /:(\d*)$/.exec(host)?.[1];
  if (port !== undefined && port !== (tls ? '443' : '80')) return 'port of Host on Traefik';
  if (/\.(:\d*)?$/.test(host)) return 'dot behind Host on Traefik';
  if (/^[^?]*%2f/i.test(path) || isSameBut(found, decoded)) return 'encoded path on Traefik';
  const goals = [...found.fabio.values()].map(({ facts }) => facts.location.replace(/:\/\/([^/]*):\d+/, '://$1'));
  const own = `${tls ? 'https' : 'http'}://${host.replace(/:\d+$/, '')}/`;
  return goals.some((goal) => goal.startsWith(own)) ? 'redirect to itself on Traefik' : undefined;
}

function statusesOf(tally: Tally): readonly string[] {
  return [...new Set([...tally.values()].map(({ facts }) => facts.status))];
}

function isSameStatus(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((status) => b.includes(status));
}

/** Whether the sides would be equal if their facts were told in another way. */
function isSameBut({ fabio, ours }: FabioCase, change: (facts: Facts) => Facts): boolean {
  return differencesOf(retold(fabio, change), retold(ours, change)).length === 0;
}

/** Without the difference between a character and its escape, and without the prefix, whose page may apply too. */
function decoded(facts: Facts): Facts {
  const plain = (text: string): string =>
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { ...facts, path: plain(facts.path), location: plain(facts.location), prefix: '' };
}
