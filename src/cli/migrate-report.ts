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
  /** Hosts that are filled in later and were taken as exact ones. */
  readonly guessed: number;
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
    guessed: findings.filter(({ code }) => code === 'FILE_HOST_GUESSED').length,
    done: count('own'),
  };
}

/** The report in lines for people: what is left for hand work, each with its place; then notes, those of one code together; then the figures. */
export function textReport(report: Report, printer: Pick<Printer, 'style'>): readonly string[] {
  const { style } = printer;
  const { files, changed, automatic, present, byHand, lossy, guessed, done } = countsOf(report);
  const { skipped, handWork, notes } = sortedFindings(report);
  return [
    ...[...skipped, ...handWork].flatMap(({ where, code, severity, message, hint, place, tag }) => [
      `${visible(where)}: ${style(severity === 'error' ? 'red' : 'yellow', code)} ${visible(message)}`,
      ...(tag === undefined ? [] : [`    ${visible(redactedTag(tag).replaceAll(/\s*\n\s*/g, ' '))}`]),
      ...(place === undefined ? [] : [`    in ${visible(place)}`]),
      ...(hint === undefined ? [] : [`    ${style('dim', hint)}`]),
    ]),
    ...notesText(notes, printer),
    `files: ${files}, changed: ${changed}; tags converted to ${report.to}: ${automatic}${presentText(present)}, by hand: ${byHand}, lossy: ${lossy}${guessed === 0 ? '' : `, with a host guessed: ${guessed}`}, in that dialect already: ${done}`,
  ];
}

/** A finding, and where it is for people. */
export interface Note extends Omit<Finding, 'line' | 'column'> {
  readonly where: string;
}

/** What was not read, what leaves something for hand work, and the rest, each in the order of the files. */
function sortedFindings({ files, skipped }: Report): Readonly<Record<'skipped' | 'handWork' | 'notes', readonly Note[]>> {
  const all = files.flatMap(({ path, findings }) =>
    findings.map(({ line, column, ...finding }): Note => ({ ...finding, where: `${path}:${line}:${column}` })),
  );
  return {
    skipped: skipped.map(({ path, ...rest }) => ({ where: path, ...rest })),
    handWork: all.filter(({ byHand }) => byHand),
    notes: all.filter(({ byHand }) => !byHand),
  };
}

/** How many sentences of one code are shown, and how many places of each. */
const SENTENCES = 4;
const PLACES = 3;

/** Notes in lines for people: each code once, with its commonest sentences and some places of each; what is lost before the rest. */
export function notesText(notes: readonly Note[], { style }: Pick<Printer, 'style'>): readonly string[] {
  const isLoss = ({ severity, code }: Note): boolean => severity === 'error' || code.endsWith('_UNSUPPORTED');
  const codes = byCount(notes, ({ code }) => code);
  const rank = ([, ofCode]: (typeof codes)[number]): number => (ofCode.some(isLoss) ? 0 : 1);
  return codes
    .toSorted((left, right) => rank(left) - rank(right))
    .flatMap(([code, ofCode]) => {
      const sentences = byCount(ofCode, ({ message }) => message);
      const rest = sentences.slice(SENTENCES).flatMap(([, group]) => group);
      return [
        `${String(ofCode.length).padStart(6)} × ${style('yellow', code)}`,
        ...sentences.slice(0, SENTENCES).map(([message, group]) => `         ${visible(message)}: ${placesText(group)}`),
        ...(rest.length === 0 ? [] : [`         and in other ways: ${placesText(rest)}`]),
        ...(ofCode[0]?.hint === undefined ? [] : [`         ${style('dim', visible(ofCode[0].hint))}`]),
      ];
    });
}

function placesText(notes: readonly Note[]): string {
  const more = notes.length > PLACES ? ` and ${notes.length - PLACES} more (--json lists each)` : '';
  return `${notes
    .slice(0, PLACES)
    .map(({ where }) => visible(where))
    .join(', ')}${more}`;
}

/** Behind how many tags are converted: how many need not be, because it was done before. */
export function presentText(present: number): string {
  return present === 0 ? '' : ` (and ${present} before)`;
}

/** The report as a page. */
export function markdownReport(report: Report): string {
  const counts = countsOf(report);
  const { skipped, handWork, notes } = sortedFindings(report);
  return [
    `# Tags to ${report.to}`,
    '',
    '| files | changed | automatic | by hand | lossy | converted before | in that dialect already |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    `| ${counts.files} | ${counts.changed} | ${counts.automatic} | ${counts.byHand} | ${counts.lossy} | ${counts.present} | ${counts.done} |`,
    ...section('Not read', skipped),
    ...section('By hand', handWork),
    ...section('Notes', notes),
  ].join('\n');
}

function section(title: string, notes: readonly Note[]): readonly string[] {
  if (notes.length === 0) return [];
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s/g, ' ');
  return [
    '',
    `## ${title}`,
    '',
    '| where | code | what | tag | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...notes.map(
      ({ where, code, message, hint = '', tag }) =>
        `| ${cell(where)} | \`${code}\` | ${cell(message)} | ${tag === undefined ? '' : `\`${cell(redactedTag(tag))}\``} | ${cell(hint)} |`,
    ),
  ];
}

/** The report for machines. Codes are stable; `inputSha256` is that of the file it was made of, where one could be read. */
export function jsonReport(report: Report): object {
  const found = report.files.flatMap(({ findings }) => findings);
  return {
    to: report.to,
    mode: report.mode,
    counts: countsOf(report),
    occurrences: Object.fromEntries(byCount(found, ({ code }) => code).map(([code, group]) => [code, group.length])),
    skipped: report.skipped,
    files: report.files.map(({ path, before, text, changes, findings }) => ({
      path,
      ...(before !== '' && { inputSha256: sha256(before) }),
      changes: before !== text,
      tags: changes.map((change) => ({ ...change, tag: redactedTag(change.tag), written: change.written.map((tag) => redactedTag(tag)) })),
      findings: findings.map((finding) => ({ ...finding, ...(finding.tag !== undefined && { tag: redactedTag(finding.tag) }) })),
    })),
  };
}

/** Groups by a text, the largest first. */
function byCount<T>(values: readonly T[], keyOf: (value: T) => string): readonly (readonly [string, readonly T[]])[] {
  return [...groupBy(values, keyOf)].toSorted(([, left], [, right]) => right.length - left.length);
}
