import { compareText, groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Candidate } from './candidates.ts';

/**
 * Reports routers of one name in two services of an owner that ask for different things. Traefik would drop both
 * (traefik/traefik:pkg/provider/merge.go); here each keeps its own.
 */
export function reportSharedNames(candidates: readonly Candidate[], report: Report): void {
  const named = candidates.filter(({ intent }) => intent.name !== undefined);
  const groups = groupBy(named, ({ intent, instance }) => JSON.stringify([instance.source, intent.owner, intent.protocol, intent.name]));
  for (const group of groups.values()) {
    const bySpeaker = groupBy(group, ({ intent }) => JSON.stringify([intent.service, intent.spans[0]?.instance]));
    const [first, ...others] = [...bySpeaker.values()];
    const asked = first && contentOf(first);
    const other = others.find((candidate) => contentOf(candidate) !== asked)?.[0];
    const [span] = first?.[0]?.intent.spans ?? [];
    const [otherSpan] = other?.intent.spans ?? [];
    if (!other || !span || !otherSpan) continue;
    const message = `Router "${other.intent.name ?? ''}" is declared with other content too: Traefik would drop both, here each keeps its own`;
    report(diagnose('TRAEFIK_NAME_SHARED', message, { span: otherSpan, related: [span], hint: 'Give each router a name of its own' }));
  }
}

function contentOf(candidates: readonly Candidate[]): string {
  const contents = candidates.map(({ key, intent }) => JSON.stringify([key, intent.middlewares, intent.priority]));
  return contents.toSorted(compareText).join();
}
