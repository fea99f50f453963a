import { createRequire } from 'node:module';
import { Language, Parser, type Node } from 'web-tree-sitter';
import { piecesOf, rawText, type FileFault, type JobFile, type ListLayout, type Piece, type TagElement, type TagList } from './job-file.ts';
import { holdsControl, holdsTemplates, maskTemplates } from './templates.ts';

/** Blocks that have tags, and what of them is a tag list: Nomad's job specification and Consul's service definitions. */
const BLOCKS = new Set(['service', 'services', 'sidecar_service']);
const LISTS = new Set(['tags', 'canary_tags']);
/** The beginning of a tag that routes, behind a quote or at the beginning of a line or word. HinD's look like any URL. */
const ROUTING = /(?<![\w.-])(?:urlprefix-|traefik\.(?:enable|http|tcp|udp|tags)[.=])/g;

const HCL_LIST: ListLayout = { quote: quoteHcl, separator: 'comma', trailingComma: true };

/** What of an HCL text, also one with `[[ … ]]` of levant and nomad-pack in it, is about tags. */
export async function readHcl(text: string): Promise<JobFile> {
  const parser = await hclParser();
  const parsed = parser.parse(text);
  const isPlain = parsed?.rootNode.hasError === false || !holdsTemplates(text);
  if (!isPlain) parsed?.delete();
  const tree = isPlain ? parsed : parser.parse(maskTemplates(text));
  if (!tree) return { lists: [], faults: [] };
  try {
    const broken = tree.rootNode.hasError ? firstError(tree.rootNode) : undefined;
    if (broken) return { lists: [], faults: [{ code: 'FILE_SYNTAX', message: syntaxMessage(broken), start: broken.startIndex }] };
    const found: Found = { lists: [], faults: [] };
    readBody(tree.rootNode, { text, path: [], owner: {}, hasTags: false }, found);
    return found;
  } finally {
    // the memory of WebAssembly is not collected
    tree.delete();
  }
}

interface Found {
  readonly lists: TagList[];
  readonly faults: FileFault[];
}

interface Place {
  readonly text: string;
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

function readBody(node: Node, place: Place, found: Found): void {
  for (const child of namedChildren(node)) {
    if (child.type === 'block') readBlock(child, place, found);
    else if (child.type === 'body') readBody(child, place, found);
    else if (child.type === 'attribute') readAttribute(child, place, found);
  }
}

function readBlock(block: Node, place: Place, found: Found): void {
  const [head, ...rest] = namedChildren(block);
  const labels = rest.filter(({ type }) => type === 'string_lit' || type === 'identifier').map((label) => unquoted(label, place.text));
  const body = rest.find(({ type }) => type === 'body');
  if (!head || !body) return;
  const isDynamic = head.text === 'dynamic' && BLOCKS.has(labels[0] ?? '');
  const path = isDynamic ? [...place.path, `dynamic ${labels.join(' ')}`] : [...place.path, [head.text, ...labels].join(' ')];
  const isContent = head.text === 'content' && /^dynamic (?:services?|sidecar_service)$/.test(place.path.at(-1) ?? '');
  // Terraform's provider of Consul
  const isResource = head.text === 'resource' && labels[0] === 'consul_service';
  const hasTags = BLOCKS.has(head.text) || isContent || isResource;
  const owner = hasTags ? ownerOf(body, { labels: isResource ? labels.slice(1) : labels, place }) : place.owner;
  readBody(body, { ...place, path, owner, hasTags }, found);
}

/** Name and port of a service block; what it does not say is that of the service around it. */
function ownerOf(body: Node, { labels, place }: { readonly labels: readonly string[]; readonly place: Place }): Place['owner'] {
  const valueOf = (name: string): Node | undefined =>
    namedChildren(body)
      .find((child) => child.type === 'attribute' && child.namedChild(0)?.text === name)
      ?.namedChild(1)
      ?.namedChild(0) ?? undefined;
  const name = valueOf('name');
  const pieces = name ? stringOf(name, place.text) : undefined;
  const port = Number(valueOf('port')?.text.replaceAll('"', ''));
  const [label] = labels;
  return {
    ...place.owner,
    ...(pieces ? { service: pieces } : label !== undefined && { service: [label] }),
    ...(Number.isInteger(port) && port > 0 && { port }),
  };
}

function readAttribute(attribute: Node, place: Place, found: Found): void {
  const [name, value] = namedChildren(attribute);
  if (!name || !value) return;
  if (!place.hasTags || !LISTS.has(name.text)) {
    reportRouting({ name, value }, place, found);
    return;
  }
  const where = `${place.path.join(', ')}: ${name.text}`;
  const tuple = value.namedChild(0)?.type === 'collection_value' ? value.namedChild(0)?.namedChild(0) : undefined;
  if (value.namedChildCount !== 1 || tuple?.type !== 'tuple') {
    found.faults.push({
      code: 'FILE_EXPRESSION',
      message: `Cannot edit the ${name.text} of ${place.path.at(-1) ?? 'a service'}: an expression makes the list, expected a list of strings`,
      start: value.startIndex,
    });
    return;
  }
  if (holdsControl(place.text.slice(tuple.startIndex, tuple.endIndex))) {
    const message = `Cannot edit the ${name.text} of ${place.path.at(-1) ?? 'a service'}: template actions decide which count, expected a list of strings`;
    found.faults.push({ code: 'FILE_EXPRESSION', message, start: tuple.startIndex });
    return;
  }
  const elements: TagElement[] = [];
  for (const expression of namedChildren(tuple).filter(({ type }) => type === 'expression')) {
    const { startIndex: start, endIndex: end } = expression;
    const only = expression.namedChildCount === 1 ? expression.namedChild(0) : undefined;
    const pieces = only ? stringOf(only, place.text) : undefined;
    // the element is one hole: it is no tag that anybody could read, and it keeps its place
    elements.push({ start, end, pieces: pieces ?? [{ raw: place.text.slice(start, end) }] });
    if (!pieces)
      found.faults.push({ code: 'FILE_EXPRESSION', message: 'Cannot edit a tag: an expression makes it, expected a string', start });
  }
  found.lists.push({ place: where, ...place.owner, start: tuple.startIndex, end: tuple.endIndex, elements, layout: HCL_LIST });
}

/** Tags that stand elsewhere, as in a heredoc with a job in Terraform, in `locals`, in arguments of a template: each for hand work. */
function reportRouting({ name, value }: { readonly name: Node; readonly value: Node }, { text, path }: Place, { faults }: Found): void {
  for (const { index } of text.slice(value.startIndex, value.endIndex).matchAll(ROUTING)) {
    const start = value.startIndex + index;
    if (/^\s*(?:#|\/\/)/.test(text.slice(text.lastIndexOf('\n', start) + 1, start))) continue;
    const where = [...path.slice(-1), name.text].join(': ');
    faults.push({ code: 'FILE_EXPRESSION', message: `Cannot edit a tag in ${where}: it stands in no list of tags of a service`, start });
  }
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

function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(/([$%])\{/g, '$1$1{');
}

function unquoted(label: Node, text: string): string {
  return label.type === 'string_lit' ? rawText(stringOf(label, text) ?? []) : label.text;
}

function namedChildren(node: Node): readonly Node[] {
  return node.namedChildren.filter((child) => child !== null);
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
