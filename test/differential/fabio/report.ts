import { groupBy } from '../../../src/lib/sort.ts';
import { describeMatch } from '../../../src/model/describe.ts';
import type { Figures } from '../report.ts';
import type { FabioFinding, FabioResult } from './run.ts';

/** Whether something reported, or a page, explains a difference. */
export function isDeclaredFabio({ reported, page }: FabioFinding): boolean {
  return reported.length > 0 || page !== undefined;
}

/** The figures of what was found on one proxy. */
export function fabioFigures({ catalogs, requests, forwarded }: FabioResult, findings: readonly FabioFinding[]): Figures {
  const declared: Record<string, number> = {};
  for (const { reported, page } of findings) {
    const reason = reported[0]?.code ?? page;
    if (reason !== undefined) declared[reason] = (declared[reason] ?? 0) + 1;
  }
  return { catalogs, requests, forwarded, undeclared: findings.filter((finding) => !isDeclaredFabio(finding)).length, declared };
}

/** Findings of the same route of the same catalog that differ in the same things: the first of each, and how many there are. */
export function groupFabioFindings(
  findings: readonly FabioFinding[],
): readonly { readonly finding: FabioFinding; readonly count: number }[] {
  const groups = groupBy(findings, ({ server, catalog, route, differences }) =>
    JSON.stringify([server, catalog.name, route?.id, differences.map(({ what }) => what)]),
  );
  return [...groups.values()].flatMap(([finding, ...others]) => (finding ? [{ finding, count: 1 + others.length }] : []));
}

/** A difference as text: request, answers, tags, and what we say of it. */
export function printFabioFinding({ server, catalog, asked, differences, route, reported, page, other }: FabioFinding): string {
  const { method, tls, host, path, headers, from } = asked;
  const lines = [
    `${server}, catalog ${catalog.name} of seed ${catalog.seed}`,
    `  request  ${method} ${tls ? 'https' : 'http'}://${host}${path} from ${from}`,
    ...headers.map(([name, value]) => `           ${name}: ${value}`),
    ...differences.map(({ what, fabio, ours }) => `  ${what}: fabio ${fabio} | ours ${ours}`),
    `  ours     ${route ? `${describeMatch(route)} → ${JSON.stringify(route.action)} ${JSON.stringify(route.middlewares)}` : 'no route'}`,
    ...(page === undefined ? [] : [`  declared by ${page}`]),
    ...new Set(reported.map(({ code, message, span }) => `  declared ${code}: ${message} (${span?.tag ?? ''})`)),
    ...new Set(other.filter(({ severity }) => severity === 'error').map(({ code, message }) => `  else     ${code}: ${message}`)),
    ...catalog.instances.flatMap(({ id, address, port, status, tags }) => [
      `  ${id} ${address}:${port} ${status}`,
      ...tags.map((tag) => `    ${tag}`),
    ]),
  ];
  return lines.join('\n');
}
