import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { piecesOf, rawText, strayTags, type FileFault, type JobFile, type ListLayout, type TagElement, type TagList } from './job-file.ts';

const LISTS = /^(?:canary_?)?tags$/i;
const JSON_LIST: ListLayout = { quote: (pieces) => JSON.stringify(rawText(pieces)), separator: 'comma', trailingComma: false };

/** What of a JSON text is about tags: jobs of Nomad's API, service definitions of Consul; comments are passed over. */
export function readJson(text: string): JobFile {
  const errors: ParseError[] = [];
  // a byte order mark is no JSON; a blank in its place keeps the offsets
  const root = parseTree(text.replace(/^\uFEFF/, ' '), errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) {
    const message = `Cannot read the file: ${printParseErrorCode(error.error)}, expected JSON`;
    return { lists: [], faults: [{ code: 'FILE_SYNTAX', message, start: error.offset }] };
  }
  const found: Found = { lists: [], faults: [] };
  if (root) readNode(root, { text, path: [], owner: {} }, found);
  return found;
}

interface Found {
  readonly lists: TagList[];
  readonly faults: FileFault[];
}

interface Place {
  readonly text: string;
  readonly path: readonly string[];
  readonly owner: Pick<TagList, 'service' | 'port'>;
}

function readNode(node: Node, place: Place, found: Found): void {
  const children = node.children ?? [];
  if (node.type === 'array') for (const child of children) readNode(child, place, found);
  if (node.type === 'string') {
    const { offset: start, length } = node;
    found.faults.push(...strayTags(place.text.slice(start, start + length), { start, where: place.path.join(', ') || 'the file' }));
  }
  if (node.type !== 'object') return;
  const name = stringAt(node, ['Name', 'name', 'Service', 'service']);
  const port = ['Port', 'port', 'PortLabel'].map((key) => Number(findNodeAtLocation(node, [key])?.value)).find((number) => number > 0);
  const inside: Place = {
    text: place.text,
    path: name === undefined ? place.path : [...place.path, name],
    owner: { ...place.owner, ...(name !== undefined && { service: piecesOf(name) }), ...(port !== undefined && { port }) },
  };
  for (const { children: [key, value] = [] } of children) {
    if (!key || !value) continue;
    const elements = LISTS.test(String(key.value)) ? elementsOf(value) : undefined;
    if (!elements) {
      readNode(value, inside, found);
      continue;
    }
    const where = `${inside.path.join(', ')}: ${String(key.value)}`;
    const { offset: start, length } = value;
    found.lists.push({ place: where, ...inside.owner, start, end: start + length, elements, layout: JSON_LIST });
  }
}

function stringAt(node: Node, keys: readonly string[]): string | undefined {
  const values: readonly unknown[] = keys.map((key) => findNodeAtLocation(node, [key])?.value);
  return values.find((value) => typeof value === 'string');
}

/** The elements of a list of nothing but strings. */
function elementsOf({ type, children = [] }: Node): readonly TagElement[] | undefined {
  if (type !== 'array' || children.some((child) => child.type !== 'string')) return undefined;
  return children.map(({ offset, length, value }) => ({ start: offset, end: offset + length, pieces: piecesOf(String(value)) }));
}
