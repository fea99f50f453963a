import { describeMatch } from '../../src/model/describe.ts';
import { groupBy } from '../../src/lib/sort.ts';
import type { Finding, Result } from './run.ts';

/** Whether something reported explains a difference. */
export function isDeclared({ reported, page }: Finding): boolean {
  return reported.length > 0 || page !== undefined;
}

/** Figures of a run. */
export interface Figures {
  readonly catalogs: number;
  readonly requests: number;
  readonly forwarded: number;
  readonly undeclared: number;
  readonly declared: Readonly<Record<string, number>>;
}

/** The figures of what was found on one proxy: declared differences by the first code that explains them, or by what a page says. */
export function figuresOf({ catalogs, requests, forwarded }: Result, findings: readonly Finding[]): Figures {
  const declared: Record<string, number> = {};
  for (const { reported, page } of findings) {
    const reason = reported[0]?.code ?? page;
    if (reason !== undefined) declared[reason] = (declared[reason] ?? 0) + 1;
  }
  return { catalogs, requests, forwarded, undeclared: findings.filter((finding) => !isDeclared(finding)).length, declared };
}

/** Findings of the same router of the same catalog that differ in the same things: the first of each, and how many there are. */
export function groupFindings(findings: readonly Finding[]): readonly { readonly finding: Finding; readonly count: number }[] {
  const groups = groupBy(findings, ({ server, catalog, peerRouter, route, differences }) =>
    JSON.stringify([server, catalog.name, peerRouter, route?.id, differences.map(({ what, name }) => [what, name])]),
  );
  return [...groups.values()].flatMap(([finding, ...others]) => (finding ? [{ finding, count: 1 + others.length }] : []));
}

/** A difference as text: request, answers, labels, and what we say of it. */
export function printFinding(finding: Finding): string {
  const { server, catalog, asked, differences, peerRouter, peerSays, route, reported, other } = finding;
  const { method, tls, host, path, headers, from, body } = asked;
  const lines = [
    `${server}, catalog ${catalog.name} of seed ${catalog.seed}`,
    `  request  ${method} ${tls ? 'https' : 'http'}://${host}${path} from ${from}${body === undefined ? '' : ` with ${body}`}`,
    ...headers.map(([name, value]) => `           ${name}: ${value}`),
    ...differences.map(({ what, name, peer, ours }) => `  ${name ?? what}: peer ${peer} | ours ${ours}`),
    `  peer     router ${peerRouter === '' ? 'none' : peerRouter}${peerSays ? ` ${peerSays.rule} ${peerSays.errors.join('; ')}` : ''}`,
    `  ours     ${route ? `${describeMatch(route)} → ${JSON.stringify(route.action)}` : 'no route'}`,
    ...new Set(reported.map(({ code, message, span }) => `  declared ${code}: ${message} (${span?.tag ?? ''})`)),
    ...new Set(other.filter(({ severity }) => severity !== 'info').map(({ code, message }) => `  else     ${code}: ${message}`)),
    ...labelLines(finding),
  ];
  return lines.join('\n');
}

/** The labels of each service once, and those of instances that differ from the first. */
function labelLines({ catalog: { instances } }: Finding): readonly string[] {
  const shown = new Map<string, string>();
  return instances.flatMap(({ service, id, address, port, tags, status }) => {
    const heading = `  ${id} ${address}:${port} ${status}`;
    const text = tags.map((tag) => `    ${tag}`).join('\n');
    const isSame = shown.get(service) === text;
    if (!shown.has(service)) shown.set(service, text);
    return isSame ? [heading] : [heading, text];
  });
}
