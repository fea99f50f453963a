import { sha256 } from '../lib/hash.ts';
import { groupBy } from '../lib/sort.ts';
import { visible } from '../lib/text.ts';
import type { Finding, RewriteMode, Rewritten } from '../jobfiles/rewrite.ts';
import type { SkippedPath } from '../jobfiles/tree.ts';
import { diagnose } from '../model/diagnostic.ts';
import { redactedTag } from '../model/redact.ts';
import type { DialectName } from '../model/route.ts';
import type { Printer } from './print.ts';

/** A file and what it would hold. */
export interface MigratedFile extends Rewritten {
  readonly path: string;
  readonly before: string;
}

/** What a migration does to files. */
export interface Report {
  readonly to: DialectName;
  readonly mode: RewriteMode;
  readonly files: readonly MigratedFile[];
  /** What under the paths was not read, in order. */
  readonly skipped: readonly SkippedView[];
}

/** A path that was not read, with what to do about it. */
export interface SkippedView extends Pick<Finding, 'severity' | 'hint'>, SkippedPath {}

/**
 * How many tags are converted, were before (`present`), are left for hand work, in the dialect already; `lossy`: places where something is
 * lost or said differently.
 */
export interface Counts {
  readonly files: number;
  readonly changed: number;
  readonly automatic: number;
  readonly present: number;
  readonly byHand: number;
  readonly lossy: number;
  readonly done: number;
}

/** A path that was not read, as it is reported. */
export function skippedView({ path, code, message }: SkippedPath): SkippedView {
  const { severity, hint } = diagnose(code, message);
  return { path, code, severity, message, ...(hint !== undefined && { hint }) };
}

/** The figures of a report. */
export function countsOf({ files }: Pick<Report, 'files'>): Counts {
  const changes = files.flatMap((file) => file.changes);
  const count = (kind: (typeof changes)[number]['kind']): number => changes.filter((change) => change.kind === kind).length;
  const present = changes.filter((change) => change.present).length;
  const findings = files.flatMap((file) => file.findings);
  return {
    files: files.length,
    changed: files.filter(({ before, text }) => before !== text).length,
    automatic: count('converted') - present,
    present,
    byHand: count('byHand') + findings.filter(({ code, tag }) => code === 'FILE_EXPRESSION' && tag === undefined).length,
    lossy: findings.filter(({ code }) => /_(?:UNSUPPORTED|APPROXIMATED)$/.test(code)).length,
    done: count('own'),
  };
}

/** The report in lines for people: each finding with file:line:column, then how often each occurs, then the figures. */
export function textReport(report: Report, { style }: Pick<Printer, 'style'>): readonly string[] {
  const { files, changed, automatic, present, byHand, lossy, done } = countsOf(report);
  const findings = report.files.flatMap((file) => file.findings.map((finding) => ({ path: file.path, ...finding })));
  return [
    ...report.skipped.flatMap(({ path, code, severity, message, hint }) => [
      `${visible(path)}: ${style(severity === 'error' ? 'red' : 'yellow', code)} ${visible(message)}`,
      ...(hint === undefined ? [] : [`    ${style('dim', hint)}`]),
    ]),
    ...findings.flatMap(({ path, line, column, code, severity, message, hint, place, tag }) => [
      `${path}:${line}:${column}: ${style(severity === 'error' ? 'red' : 'yellow', code)} ${visible(message)}`,
      ...(tag === undefined ? [] : [`    ${visible(redactedTag(tag))}`]),
      ...(place === undefined ? [] : [`    in ${visible(place)}`]),
      ...(hint === undefined ? [] : [`    ${style('dim', hint)}`]),
    ]),
    ...occurrences(findings).map(([code, count]) => `${String(count).padStart(6)} × ${code}`),
    `files: ${files}, changed: ${changed}; tags converted to ${report.to}: ${automatic}${presentText(present)}, by hand: ${byHand}, lossy: ${lossy}, in that dialect already: ${done}`,
  ];
}

/** Behind how many tags are converted: how many need not be, because it was done before. */
export function presentText(present: number): string {
  return present === 0 ? '' : ` (and ${present} before)`;
}

/** The report as a page. */
export function markdownReport(report: Report): string {
  const counts = countsOf(report);
  const findings = report.files.flatMap((file) => file.findings.map((finding) => ({ path: file.path, ...finding })));
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s/g, ' ');
  return [
    `# Tags to ${report.to}`,
    '',
    '| files | changed | automatic | by hand | lossy | converted before | in that dialect already |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    `| ${counts.files} | ${counts.changed} | ${counts.automatic} | ${counts.byHand} | ${counts.lossy} | ${counts.present} | ${counts.done} |`,
    ...(findings.length + report.skipped.length === 0
      ? []
      : ['', '| where | code | what | tag | what to do |', '| --- | --- | --- | --- | --- |']),
    ...report.skipped.map(({ path, code, message, hint = '' }) => `| ${cell(path)} | \`${code}\` | ${cell(message)} |  | ${cell(hint)} |`),
    ...findings.map(
      ({ path, line, column, code, message, hint = '', tag }) =>
        `| ${cell(`${path}:${line}:${column}`)} | \`${code}\` | ${cell(message)} | ${tag === undefined ? '' : `\`${cell(redactedTag(tag))}\``} | ${cell(hint)} |`,
    ),
  ].join('\n');
}

/** The report for machines. Codes are stable; `inputSha256` is that of the file it was made of. */
export function jsonReport(report: Report): object {
  return {
    to: report.to,
    mode: report.mode,
    counts: countsOf(report),
    occurrences: Object.fromEntries(occurrences(report.files.flatMap(({ findings }) => findings))),
    skipped: report.skipped,
    files: report.files.map(({ path, before, text, changes, findings }) => ({
      path,
      inputSha256: sha256(before),
      changes: before !== text,
      tags: changes.map((change) => ({ ...change, tag: redactedTag(change.tag), written: change.written.map((tag) => redactedTag(tag)) })),
      findings: findings.map((finding) => ({ ...finding, ...(finding.tag !== undefined && { tag: redactedTag(finding.tag) }) })),
    })),
  };
}

/** How often each code occurs, most often first. */
function occurrences(findings: readonly Pick<Finding, 'code'>[]): readonly (readonly [string, number])[] {
  return [...groupBy(findings, ({ code }) => code)]
    .map(([code, group]) => [code, group.length] as const)
    .toSorted(([, left], [, right]) => right - left);
}
