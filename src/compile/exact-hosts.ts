import type { HostMatch } from '../model/match.ts';

/** An exact host with the priority of its router. */
export interface ExactHost {
  readonly host: string;
  readonly service: string;
  readonly priority: number;
}

/** The lowest priority among the exact hosts of other services that a pattern may match; infinite where there is none. */
export type LowestOf = (pattern: HostMatch, service: string) => number;

/**
 * An index of exact hosts by every ending of whole labels, each with its two services of the lowest priorities, which answers in
 * constant time. No expression is run: what a pattern must end in says which hosts it may match.
 */
export function lowestExactHosts(hosts: readonly ExactHost[]): LowestOf {
  const byEnding = new Map<string, Map<string, number>>();
  for (const { host, service, priority } of hosts)
    for (const ending of endingsOf(host)) {
      const lowest = byEnding.get(ending) ?? new Map<string, number>();
      lowest.set(service, Math.min(priority, lowest.get(service) ?? Number.POSITIVE_INFINITY));
      byEnding.set(ending, lowest);
    }
  const ascending = new Map([...byEnding].map(([ending, lowest]) => [ending, [...lowest].toSorted(([, a], [, b]) => a - b).slice(0, 2)]));
  return (pattern, service) =>
    ascending.get(requiredEnding(pattern))?.find(([other]) => other !== service)?.[1] ?? Number.POSITIVE_INFINITY;
}

/** `b.c.io` → itself, `c.io`, `io` and the empty one, which every host has. */
function endingsOf(host: string): readonly string[] {
  const labels = host.split('.');
  return [...labels.map((_, at) => labels.slice(at).join('.')), ''];
}

/** The whole labels that every host which a pattern matches ends in; empty where nothing is sure. */
export function requiredEnding(host: HostMatch): string {
  switch (host.kind) {
    case 'any':
      return '';
    case 'exact':
      return host.host;
    case 'glob':
      return wholeLabels(host.pattern.replace(/^.*[*?[\]{}!,]/, ''));
    case 'regexp': {
      if (hasAlternatives(host.regexp)) return '';
      const [, tail = ''] = /((?:[a-z0-9_-]|\\\.)+)\$$/.exec(host.regexp) ?? [];
      return wholeLabels(tail.replaceAll('\\.', '.'));
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

/** What stands behind the first dot: what comes before may be a part of a label. */
function wholeLabels(text: string): string {
  const dot = text.indexOf('.');
  return dot < 0 ? '' : text.slice(dot + 1);
}
