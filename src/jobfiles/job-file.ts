import { sha256 } from '../lib/hash.ts';
import type { DiagnosticCode } from '../model/codes.ts';

/** Literal text, or source text that another program fills in (`${var.host}`, `[[ .host ]]`) and that stays byte for byte. */
export type Piece = string | Hole;

/** Source text whose value is not known here. */
export interface Hole {
  readonly raw: string;
}

/** One tag where it stands in a file. Offsets are UTF-16 units of the file's text, end-exclusive, quotes included. */
export interface TagElement {
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
  /** It is no string: its source text is its only piece. */
  readonly isExpression?: true;
}

/** How a list is written. */
export interface ListLayout {
  /** The text of one element. */
  readonly quote: (pieces: readonly Piece[]) => string;
  /** `comma`: elements in brackets. `dash`: one line each, behind `- `. */
  readonly separator: 'comma' | 'dash';
  /** Whether a comma may stand behind the last element. */
  readonly trailingComma: boolean;
}

/** A list of tags of one service, all of whose elements can be edited or left alone one by one. */
export interface TagList {
  /** Where it is, for people, as `job app, group web, service web: tags`. */
  readonly place: string;
  /** The name that the service registers, where the file says it. */
  readonly service?: readonly Piece[];
  /** The port that the service registers, where the file says a number. */
  readonly port?: number;
  /** Offsets of the list itself, brackets included. */
  readonly start: number;
  readonly end: number;
  readonly elements: readonly TagElement[];
  readonly layout: ListLayout;
}

/** Something about a file that a person has to look at. */
export interface FileFault {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly start: number;
}

/** What of a file is about tags, in the order of the file. */
export interface JobFile {
  readonly lists: readonly TagList[];
  /** What cannot be edited, as a list that an expression makes. */
  readonly faults: readonly FileFault[];
}

/** Whether a fault says that nothing of a file could be read. */
export function isUnread({ code }: { readonly code: DiagnosticCode }): boolean {
  return code === 'FILE_SYNTAX' || code === 'FILE_UNREADABLE';
}

/** The beginning of a tag that routes, behind a quote or at the beginning of a line or word. HinD's look like any URL. */
export const ROUTING: RegExp = /(?<![\w.-])(?:urlprefix-(?=[^\s"'`])|traefik\.(?:enable|http|tcp|udp|tags)[.=])/g;

/** The tags that a text begins or holds which stands in no list of tags, as in a heredoc with a job in Terraform: each for hand work. */
export function strayTags(text: string, { start, where }: { readonly start: number; readonly where: string }): readonly FileFault[] {
  return [...text.matchAll(ROUTING)].map(({ index }) => ({
    code: 'FILE_EXPRESSION',
    message: `Cannot edit a tag in ${where}: it stands in no list of tags of a service`,
    start: start + index,
  }));
}

/**
 * Template text in a value: Nomad's and HCL's `${…}`, levant's and nomad-pack's `[[ … ]]`, Go's, Jinja's and
 * consul-template's `{{ … }}`. `${1}` is none: so say replacements of regular expressions what they found.
 */
const HOLE = /\$\$?\{(?!\d+\})[^}]*\}|\[\[[^\]]*\]\]|\{\{.*?\}\}/g;

/** A value as pieces, its template text as holes. */
export function piecesOf(value: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: raw, index } of value.matchAll(HOLE)) {
    if (index > from) pieces.push(value.slice(from, index));
    pieces.push({ raw });
    from = index + raw.length;
  }
  if (from < value.length || pieces.length === 0) pieces.push(value.slice(from));
  return pieces;
}

/** Pieces as one text, holes as they are in the source. */
export function rawText(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.raw)).join('');
}

/** Pieces as one text, each hole as a name that is legal in hosts, paths and names: the same for the same source text in any file. */
export function filledText(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : `filled-${sha256(piece.raw).slice(0, 8)}`)).join('');
}

/** The names that `filledText` puts in the place of holes, also where a proxy has changed their case. */
export const FILLED: RegExp = /filled-[0-9a-f]{8}/gi;

/** A place in a text for people; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Line and column of each offset of a text. The text is gone through once, however many are asked for. */
export function positionsIn(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [line, after] = [0, starts.length];
    while (after - line > 1) {
      const middle = (line + after) >> 1;
      if ((starts[middle] ?? 0) <= offset) line = middle;
      else after = middle;
    }
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}
