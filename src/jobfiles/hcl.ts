import { createRequire } from 'node:module';
import { Language, Parser, type Node, type Tree, type TreeCursor } from 'web-tree-sitter';
import {
  piecesOf,
  rawText,
  ROUTING,
  strayTags,
  type FileFault,
  type JobFile,
  type ListLayout,
  type Piece,
  type TagElement,
  type TagList,
} from './job-file.ts';
import { holdsControl, holdsTemplates, maskTemplates } from './templates.ts';

/** Blocks that have tags, and what of them is a tag list: Nomad's job specification and Consul's service definitions. */
const BLOCKS = new Set(['service', 'services', 'sidecar_service']);
const LISTS = new Set(['tags', 'canary_tags']);
/** What a block holds that has a list of tags, or a tag elsewhere. */
const TAGS = /tags|urlprefix-|traefik\./;

const ATTRIBUTE_NAME = /[^\s=/#]+/y;

/** A string in which nothing is escaped and nothing is filled in. */
const PLAIN_STRING = /^"[^"\\$%[{\r\n]+"$/;

const HCL_LIST: ListLayout = { quote: quoteHcl, separator: 'comma', trailingComma: true };

/** What of an HCL text, also one with `[[ … ]]` of levant and nomad-pack in it, is about tags. */
export async function readHcl(text: string): Promise<JobFile> {
  const parser = await hclParser();
  const parsed = parser.parse(text);
  const isPlain = parsed?.rootNode.hasError === false || !holdsTemplates(text);
  if (!isPlain) parsed?.delete();
  const source = isPlain ? text : maskTemplates(text);
  const tree = isPlain ? parsed : parser.parse(source);
  if (!tree) return { lists: [], faults: [] };
  try {
    if (tree.rootNode.hasError) return { lists: [], faults: [syntaxFault(tree.rootNode, source)] };
    return readTree(tree, { text, source });
  } finally {
    // the memory of WebAssembly is not collected
    tree.delete();
  }
}

/** Walks a tree once, with a cursor: an object for each node takes longer than to parse the text. */
function readTree(tree: Tree, texts: Pick<Place, 'text' | 'source'>): JobFile {
  const found: Found = { lists: [], faults: [] };
  const cursor = tree.walk();
  try {
    readBody(cursor, { ...texts, path: [], owner: {}, hasTags: false }, found);
  } finally {
    cursor.delete();
  }
  return found;
}

interface Found {
  readonly lists: TagList[];
  readonly faults: FileFault[];
}

interface Place {
  readonly text: string;
  /** The same without templates, as it was parsed: names are read in it. */
  readonly source: string;
  /** The blocks around, outermost first. */
  readonly path: readonly string[];
  /** Of the service around. */
  readonly owner: Pick<TagList, 'service' | 'port'>;
  /** Whether tag lists stand directly in the block. */
  readonly hasTags: boolean;
}

let loading: Promise<Parser> | undefined;

function hclParser(): Promise<Parser> {
  loading ??= loadParser();
  return loading;
}

async function loadParser(): Promise<Parser> {
  await Parser.init();
  const path = createRequire(import.meta.url).resolve('@tree-sitter-grammars/tree-sitter-hcl/tree-sitter-hcl.wasm');
  const parser = new Parser();
  parser.setLanguage(await Language.load(path));
  return parser;
}

/** Reads what the cursor stands on, and leaves it there. */
function readBody(cursor: TreeCursor, place: Place, found: Found): void {
  eachChild(cursor, (type) => {
    if (type === 'block') readBlock(cursor, place, found);
    else if (type === 'body') readBody(cursor, place, found);
    else if (type === 'attribute') readAttribute(cursor, place, found);
  });
}

function readBlock(cursor: TreeCursor, place: Place, found: Found): void {
  const { text, source } = place;
  // most blocks are about something else, which their text says
  if (text.slice(cursor.startIndex, cursor.endIndex).search(TAGS) < 0) return;
  const names: string[] = [];
  let isRead = false;
  eachChild(cursor, (type) => {
    if (type === 'body' && names.length > 0 && !isRead) {
      isRead = true;
      readBody(cursor, placeInside(cursor, names, place), found);
    } else if (names.length === 0 || type === 'identifier') names.push(textOf(cursor, source));
    else if (type === 'string_lit') names.push(rawText(stringOf(cursor.currentNode, text) ?? []));
  });
}

/** Where the body of a block is that the cursor stands on. `names`: the type of the block, then its labels. */
function placeInside(body: TreeCursor, names: readonly string[], place: Place): Place {
  const [head = '', ...labels] = names;
  const isDynamic = head === 'dynamic' && BLOCKS.has(labels[0] ?? '');
  const path = isDynamic ? [...place.path, `dynamic ${labels.join(' ')}`] : [...place.path, names.join(' ')];
  const isContent = head === 'content' && /^dynamic (?:services?|sidecar_service)$/.test(place.path.at(-1) ?? '');
  // Terraform's provider of Consul
  const isResource = head === 'resource' && labels[0] === 'consul_service';
  const hasTags = BLOCKS.has(head) || isContent || isResource;
  const owner = hasTags ? ownerOf(body, { labels: isResource ? labels.slice(1) : labels, place }) : place.owner;
  return { ...place, path, owner, hasTags };
}

/** Name and port of a service block; what it does not say is that of the service around it. */
function ownerOf(body: TreeCursor, { labels, place }: { readonly labels: readonly string[]; readonly place: Place }): Place['owner'] {
  const values = new Map<string, Node | null | undefined>();
  eachChild(body, (type) => {
    const name = type === 'attribute' ? nameAt(body, place) : '';
    if ((name === 'name' || name === 'port') && !values.has(name)) values.set(name, valueAt(body)?.namedChild(0));
  });
  const name = values.get('name');
  const pieces = name && stringOf(name, place.text);
  const port = Number(values.get('port')?.text.replaceAll('"', ''));
  const [label] = labels;
  return {
    ...place.owner,
    ...(pieces ? { service: pieces } : label !== undefined && { service: [label] }),
    ...(Number.isInteger(port) && port > 0 && { port }),
  };
}

/** The name of the attribute that the cursor stands on. */
function nameAt({ startIndex }: TreeCursor, { source }: Pick<Place, 'source'>): string {
  ATTRIBUTE_NAME.lastIndex = startIndex;
  return ATTRIBUTE_NAME.exec(source)?.[0] ?? '';
}

/** The value of the attribute that the cursor stands on. */
function valueAt(cursor: TreeCursor): Node | undefined {
  return cursor.currentNode.namedChild(1) ?? undefined;
}

function readAttribute(cursor: TreeCursor, place: Place, found: Found): void {
  const name = nameAt(cursor, place);
  const isList = place.hasTags && LISTS.has(name);
  // most attributes are about something else, which their text says
  if (!isList && place.text.slice(cursor.startIndex, cursor.endIndex).search(ROUTING) < 0) return;
  const value = valueAt(cursor);
  if (value && isList) readList({ name, value }, place, found);
  else if (value) reportRouting({ name, value }, place, found);
}

/** An attribute with its value. */
interface Attribute {
  readonly name: string;
  readonly value: Node;
}

function readList({ name, value }: Attribute, place: Place, found: Found): void {
  const where = `${place.path.join(', ')}: ${name}`;
  const tuple = value.namedChild(0)?.type === 'collection_value' ? value.namedChild(0)?.namedChild(0) : undefined;
  if (value.namedChildCount !== 1 || tuple?.type !== 'tuple') {
    found.faults.push({
      code: 'FILE_EXPRESSION',
      message: `Cannot edit the ${name} of ${place.path.at(-1) ?? 'a service'}: an expression makes the list, expected a list of strings`,
      start: value.startIndex,
    });
    return;
  }
  if (holdsControl(place.text.slice(tuple.startIndex, tuple.endIndex))) {
    const message = `Cannot edit the ${name} of ${place.path.at(-1) ?? 'a service'}: which tags it holds depends on template actions (as [[ if … ]]), expected a list of strings`;
    found.faults.push({ code: 'FILE_EXPRESSION', message, start: tuple.startIndex });
    return;
  }
  const elements: TagElement[] = [];
  for (const expression of namedChildren(tuple).filter(({ type }) => type === 'expression')) {
    const { startIndex: start, endIndex: end } = expression;
    const pieces = piecesOfExpression(expression, place.text.slice(start, end), place.text);
    elements.push({ start, end, ...(pieces ? { pieces } : { pieces: [{ raw: place.text.slice(start, end) }], isExpression: true }) });
  }
  found.lists.push({ place: where, ...place.owner, start: tuple.startIndex, end: tuple.endIndex, elements, layout: HCL_LIST });
}

/** The pieces of an expression that is one string; undefined for any other. Plain text between quotes is found without its nodes. */
function piecesOfExpression(expression: Node, source: string, text: string): readonly Piece[] | undefined {
  if (PLAIN_STRING.test(source)) return [source.slice(1, -1)];
  const only = expression.namedChildCount === 1 ? expression.namedChild(0) : undefined;
  return only ? stringOf(only, text) : undefined;
}

/** Tags that stand elsewhere, as in a heredoc with a job in Terraform, in `locals`, in arguments of a template; not those in comments. */
function reportRouting({ name, value }: Attribute, { text, path }: Place, { faults }: Found): void {
  const { startIndex: start, endIndex: end } = value;
  const isComment = (at: number): boolean => /^\s*(?:#|\/\/)/.test(text.slice(text.lastIndexOf('\n', at) + 1, at));
  const where = [...path.slice(-1), name].join(': ');
  faults.push(...strayTags(text.slice(start, end), { start, where }).filter((fault) => !isComment(fault.start)));
}

/** The pieces of a quoted string; undefined for any other expression, heredocs too. */
function stringOf(node: Node, text: string): readonly Piece[] | undefined {
  const template = node.type === 'literal_value' || node.type === 'template_expr' ? node.namedChild(0) : node;
  if (template?.type !== 'string_lit' && template?.type !== 'quoted_template') return undefined;
  const pieces: Piece[] = [];
  const inside = { from: template.startIndex + 1, to: template.endIndex - 1 };
  let from = inside.from;
  for (const part of namedChildren(template)) {
    if (!part.type.startsWith('template_') || part.type === 'template_literal') continue;
    pieces.push(...literalPieces(text.slice(from, part.startIndex)), { raw: text.slice(part.startIndex, part.endIndex) });
    from = part.endIndex;
  }
  return [...pieces, ...literalPieces(text.slice(from, inside.to))];
}

/** Literal source text of a string: escapes are read, templates of other programs stay as they are written. */
function literalPieces(source: string): readonly Piece[] {
  if (source === '') return [];
  return piecesOf(source).map((piece) => (typeof piece === 'string' ? unescaped(piece) : piece));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

function unescaped(source: string): string {
  return source
    .replaceAll(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([nrt"\\]))/g, (_, short?: string, long?: string, letter?: string) =>
      letter === undefined ? String.fromCodePoint(Number.parseInt(short ?? long ?? '0', 16)) : (ESCAPES[letter] ?? letter),
    )
    .replaceAll(/([$%])\1\{/g, '$1{');
}

/** A string of HCL (hashicorp/hcl:hclsyntax/spec.md, quoted templates). */
function quoteHcl(pieces: readonly Piece[]): string {
  return `"${pieces.map((piece) => (typeof piece === 'string' ? escaped(piece) : piece.raw)).join('')}"`;
}

/** What a string of HCL cannot hold as it is, and how it is written. */
const ESCAPED = /["\\\n\r\t]|[$%](?=\{)/g;
const WRITTEN: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['$', '$$'],
  ['%', '%%'],
]);

function escaped(value: string): string {
  return value.replaceAll(ESCAPED, (found) => WRITTEN.get(found) ?? found);
}

/** Calls `visit` with the type of each named child of what the cursor stands on, standing on that child; then the cursor stands there again. */
function eachChild(cursor: TreeCursor, visit: (type: string) => void): void {
  if (!cursor.gotoFirstChild()) return;
  do if (cursor.nodeIsNamed) visit(cursor.nodeType);
  while (cursor.gotoNextSibling());
  cursor.gotoParent();
}

function textOf(cursor: TreeCursor, source: string): string {
  return source.slice(cursor.startIndex, cursor.endIndex);
}

function namedChildren(node: Node): readonly Node[] {
  return node.namedChildren.filter((child) => child !== null);
}

/** Strings, and what may hold quotes that begin none. A string that is not closed on its line has no second quote. */
const LEXEMES = /#.*|\/\/.*|\/\*[\s\S]*?\*\/|<<-?(\w+)[^\n]*\n[\s\S]*?^[ \t]*\1\b|"(?:\\.|[^"\\\r\n])*("?)/gm;

/** Why a text is no HCL. Behind a string that is not closed nothing fits, which the parser tells of the file as a whole. */
function syntaxFault(root: Node, source: string): FileFault {
  const open = source.matchAll(LEXEMES).find(({ 2: closing }) => closing === '');
  if (open) {
    const message = 'Cannot read the file: the string that begins here is not closed, expected a quote on the same line';
    return { code: 'FILE_SYNTAX', message, start: open.index };
  }
  const broken = firstError(root);
  return { code: 'FILE_SYNTAX', message: syntaxMessage(broken), start: broken.startIndex };
}

function firstError(node: Node): Node {
  if (node.isError || node.isMissing) return node;
  const inner = node.children.find((child) => child?.hasError || child?.isMissing);
  return inner ? firstError(inner) : node;
}

function syntaxMessage({ isMissing, type, text }: Node): string {
  const seen = text.trim().slice(0, 30).split('\n')[0] ?? '';
  return `Cannot read the file: ${isMissing ? `"${type}" is missing` : `"${seen}" is no HCL here`}, expected a job file or service definition`;
}
