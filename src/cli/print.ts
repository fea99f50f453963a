import { styleText } from 'node:util';
import type { DiagnosticView, SpanView } from '../controller/views.ts';
import { visible } from '../lib/text.ts';
import type { Diagnostic, TagSpan } from '../model/diagnostic.ts';
import { redactedDiagnostic } from '../model/redact.ts';

/** Where commands print: data to stdout, everything for people to stderr. */
export interface Printer {
  /** A line of data. */
  out(line: string): void;
  /** A line for people. */
  say(line: string): void;
  /** Any value as indented JSON on stdout. */
  json(value: unknown): void;
  /** Text in a style where the terminal shows colours, else as it is. */
  style(style: 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan', text: string): string;
}

/** A printer on the process's own streams. Colour as `NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb` and the terminal say. */
export function createPrinter(options: { readonly color: boolean; readonly asciiOnly?: boolean }): Printer {
  const shown = (line: string): string => (options.asciiOnly ? line.split('\n').map(asciiOf).join('\n') : line);
  return {
    out: (line) => void process.stdout.write(`${shown(line)}\n`),
    say: (line) => void process.stderr.write(`${shown(line)}\n`),
    json: (value) => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    style: (style, text) => (options.color ? styleText(style, text, { validateStream: false }) : text),
  };
}

function asciiOf(line: string): string {
  return line.replace(/[^\p{ASCII}]+/gu, visible);
}

/** Whether the terminal has a character set, and it is another one than UTF-8. */
export function isAsciiOnly(env: Readonly<Record<string, string | undefined>>): boolean {
  return /\.(?!utf-?8)/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}

/** Whether to colour what goes to a stream. */
export function wantsColor(env: Readonly<Record<string, string | undefined>>, stream: { readonly isTTY?: boolean }): boolean {
  if (env['NO_COLOR'] || env['NOMAD_CLI_NO_COLOR']) return false;
  if (env['FORCE_COLOR'] === '0') return false;
  if (env['FORCE_COLOR'] || env['CLICOLOR_FORCE'] || env['NOMAD_CLI_FORCE_COLOR']) return true;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** A diagnostic with its tag underlined: code, sentence, where, hint, and the other sides of a conflict. */
export function formatDiagnostic(diagnostic: Diagnostic, printer: Pick<Printer, 'style'>): string {
  const { span, related, ...told } = redactedDiagnostic(diagnostic);
  return formatParts(told, { tags: span ? underlined(span) : [], others: related.map(underlined), printer });
}

/** The same of a diagnostic as the admin API gives it. */
export function formatView(
  { service, instance, tag, start = 0, end = 0, related, ...told }: DiagnosticView,
  printer: Pick<Printer, 'style'>,
): string {
  const placed = (place: SpanView): readonly string[] => [
    `  ${visible(place.service)} (${visible(place.instance)})`,
    ...caret(place).map((line) => `    ${line}`),
  ];
  const tags = service === undefined || instance === undefined || tag === undefined ? [] : placed({ service, instance, tag, start, end });
  return formatParts(told, { tags, others: related.map(placed), printer });
}

function formatParts(
  { code, severity, message, hint }: { readonly code: string; readonly severity: string; readonly message: string; readonly hint?: string },
  {
    tags,
    others,
    printer,
  }: { readonly tags: readonly string[]; readonly others: readonly (readonly string[])[]; readonly printer: Pick<Printer, 'style'> },
): string {
  const color = severity === 'error' ? 'red' : severity === 'warning' ? 'yellow' : 'cyan';
  return [
    `${printer.style(color, severity)} ${printer.style('bold', code)}: ${visible(message)}`,
    ...tags,
    ...others.flatMap((other) => ['  other side:', ...other]),
    ...(hint === undefined ? [] : [`  hint: ${visible(hint)}`]),
  ].join('\n');
}

function underlined({ service, instance, tagIndex, ...span }: TagSpan): readonly string[] {
  return [`  ${visible(service)} (${visible(instance)}), tag ${tagIndex + 1}`, ...caret(span).map((line) => `    ${line}`)];
}

/** A tag and below it carets under a stretch of it. */
export function caret({ tag, start, end }: { readonly tag: string; readonly start: number; readonly end: number }): readonly string[] {
  const [before, marked] = [visible(tag.slice(0, start)), visible(tag.slice(start, end))];
  return [visible(tag), `${' '.repeat(before.length)}${'^'.repeat(Math.max(1, marked.length))}`];
}
