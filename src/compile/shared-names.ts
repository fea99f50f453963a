import { once } from '../lib/memo.ts';
import { compareText, groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Candidate } from './candidates.ts';

/**
 * Reports routers of one name in two services of an owner that ask for different things. Traefik would drop both
 * (traefik/traefik:pkg/provider/merge.go); here each keeps its own.
 */
export function reportSharedNames(candidates: readonly Candidate[], report: Report): void {
  const named = candidates.filter(({ intent }) => intent.name !== undefined);
  const groups = groupBy(named, nameKey);
  for (const group of groups.values()) {
    if (group.length === 1) continue;
    const bySpeaker = groupBy(group, speakerKey);
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

const nameKey = once(({ intent, instance }: Candidate): string =>
  JSON.stringify([instance.source, intent.owner, intent.protocol, intent.name]),
);

const speakerKey = once(({ intent }: Candidate): string => JSON.stringify([intent.service, intent.spans[0]?.instance]));

const contentKey = once(({ key, intent }: Candidate): string => JSON.stringify([key, intent.middlewares, intent.priority]));

function contentOf(candidates: readonly Candidate[]): string {
  return candidates.map(contentKey).toSorted(compareText).join();
}
