import type { HostMatch } from '../model/match.ts';

/** A router as far as its place among others is concerned. */
export interface PlacedRouter {
  readonly host: HostMatch;
  readonly service: string;
  readonly priority: number;
  /** It asks for more than the length of its rule. */
  readonly raised: boolean;
}

/** Where routers stand so that no raised priority of a pattern comes between another service and its exact host. */
export interface HostGuard {
  /** The priority that counts. */
  placeOf(router: PlacedRouter): number;
  /** Whether an exact host of another service goes before this router although it asks for more. */
  isHeld(router: PlacedRouter): boolean;
}

/**
 * Guards exact hosts against raised patterns. An exact host goes above the raised patterns that may match it; a raised router for any
 * host goes below all exact hosts. Each is the smaller move: all that is not about such a pair keeps its order. Both are looked up by
 * endings, in constant time, and no expression is run: what a pattern must end in says which hosts it may match.
 */
export function guardExactHosts(routers: readonly PlacedRouter[]): HostGuard {
  const patterns = routers.filter((router) => isRaisedPattern(router));
  const endings = endingsAmong(patterns.map(({ host }) => host));
  const raised = extremesBy(patterns, { keysOf: ({ host }) => [requiredEnding(host)], better: Math.max });
  const exact = extremesBy(
    routers.filter(({ host }) => host.kind === 'exact'),
    { keysOf: ({ host }) => endings(host), better: Math.min },
  );
  return {
    placeOf({ host, service, priority, raised: isRaised }) {
      if (host.kind === 'exact') {
        const above = endings(host).flatMap((ending) => (ending === '' ? [] : (raised(ending, service) ?? [])));
        return Math.max(priority, ...above.map((other) => (other > priority ? other + stepAt(other) : priority)));
      }
      const lowest = isRaised && requiredEnding(host) === '' ? exact('', service) : undefined;
      return lowest === undefined ? priority : Math.min(priority, lowest - stepAt(lowest));
    },
    isHeld(router) {
      if (!isRaisedPattern(router)) return false;
      const lowest = exact(requiredEnding(router.host), router.service);
      return lowest !== undefined && lowest < router.priority;
    },
  };
}

/** Less than the distance of two priorities, and enough to make another number: those of 64 bits lie further apart than 1. */
function stepAt(priority: number): number {
  return Math.max(0.5, Math.abs(priority) * Number.EPSILON);
}

function isRaisedPattern({ host, raised }: PlacedRouter): boolean {
  return raised && host.kind !== 'exact';
}

/** The largest or smallest priority under a key among the routers of other services than one. Two of each key are enough to know. */
function extremesBy(
  routers: readonly PlacedRouter[],
  { keysOf, better }: { readonly keysOf: (router: PlacedRouter) => readonly string[]; readonly better: (a: number, b: number) => number },
): (key: string, service: string) => number | undefined {
  const byKey = new Map<string, Map<string, number>>();
  for (const router of routers)
    for (const key of keysOf(router)) {
      const services = byKey.get(key) ?? new Map<string, number>();
      services.set(router.service, better(router.priority, services.get(router.service) ?? router.priority));
      byKey.set(key, services);
    }
  const best = new Map(
    [...byKey].map(([key, services]) => [key, [...services].toSorted(([, a], [, b]) => (better(a, b) === a ? -1 : 1)).slice(0, 2)]),
  );
  return (key, service) => best.get(key)?.find(([other]) => other !== service)?.[1];
}

/** What the endings of an exact host are that some pattern requires, the empty one among them where a pattern requires nothing. */
export function endingsAmong(patterns: readonly HostMatch[]): (host: HostMatch) => readonly string[] {
  const required = new Set(patterns.map(requiredEnding));
  const shapes = [...new Map([...required].map((ending) => [`${ending.length} ${placeOfAny(ending)}`, ending])).values()];
  return (host) => {
    if (host.kind !== 'exact') return [];
    const { host: name } = host;
    return shapes.flatMap((shape) => {
      const ending = likeShape(name.slice(Math.max(0, name.length - shape.length)), placeOfAny(shape));
      return required.has(ending) ? [ending] : [];
    });
  };
}

/** Stands for any character in an ending that a pattern requires. */
const ANY = '?';
/** So many characters of an ending stand behind such a place, and so many does it have at most: few shapes are looked up for each host. */
const [MOST_BEHIND, MOST_AROUND] = [8, 32];

/** How far from the end of an ending any character may stand; 0: nowhere. */
function placeOfAny(ending: string): number {
  return ending.includes(ANY) ? ending.length - ending.indexOf(ANY) : 0;
}

function likeShape(ending: string, place: number): string {
  return place === 0 ? ending : `${ending.slice(0, -place)}${ANY}${place === 1 ? '' : ending.slice(1 - place)}`;
}

/** The end of a text in which any character stands at one place, near its end, or at none. */
function withOneAny(text: string): string {
  const last = text.lastIndexOf(ANY);
  const before = text.slice(0, Math.max(0, last)).lastIndexOf(ANY) + 1;
  if (last < 0) return text;
  const behind = text.length - last - 1;
  return behind === 0 || behind > MOST_BEHIND || before === last
    ? text.slice(last + 1)
    : text.slice(Math.max(before, text.length - MOST_AROUND));
}

/**
 * The text that every host which a pattern matches ends in; empty where nothing is sure. At one place a `?` may stand for any character, as
 * a dot does that an expression does not escape. Without a dot at the end: a host with one is the host without it.
 */
export function requiredEnding(host: HostMatch): string {
  return endingOf(host).replace(/\.$/, '');
}

function endingOf(host: HostMatch): string {
  switch (host.kind) {
    case 'any':
      return '';
    case 'exact':
      return host.host;
    case 'glob':
      // one that reaches into the port says nothing sure of the host
      return host.pattern.includes(':') ? '' : host.pattern.replace(/^.*[*?[\]{}!,]/, '');
    case 'regexp': {
      if (hasAlternatives(host.regexp)) return '';
      const [, before = '', tail = ''] = /(^|[^])((?:[a-z0-9_.-]|\\\.)+)\$$/.exec(host.regexp) ?? [];
      const text = tail.replaceAll(/\\?\./g, (dot) => (dot === '.' ? ANY : '.'));
      // behind a backslash it begins with a sign for something else
      return withOneAny(before === '\\' ? text.replace(/^[^.?]*/, '') : text);
    }
    default:
      throw new TypeError(`Cannot find the ending of a host match: ${JSON.stringify(host satisfies never)}`);
  }
}

/** Whether `|` stands outside of every group: then a match may end otherwise. */
function hasAlternatives(regexp: string): boolean {
  let bare = regexp.replaceAll(/\\./g, '').replaceAll(/\[[^\]]*\]/g, '');
  for (let before = ''; before !== bare; ) {
    before = bare;
    bare = bare.replaceAll(/\([^()]*\)/g, '');
  }
  return bare.includes('|');
}
