import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { piecesOf, rawText, type JobFile, type ListLayout, type TagElement, type TagList } from './job-file.ts';

const LISTS = /^(?:canary_?)?tags$/i;
const JSON_LIST: ListLayout = { quote: (pieces) => JSON.stringify(rawText(pieces)), separator: 'comma', trailingComma: false };

/** What of a JSON text is about tags: jobs of Nomad's API, service definitions of Consul; comments are passed over. */
export function readJson(text: string): JobFile {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) {
    const message = `Cannot read the file: ${printParseErrorCode(error.error)}, expected JSON`;
    return { lists: [], faults: [{ code: 'FILE_SYNTAX', message, start: error.offset }] };
  }
  return { lists: root ? listsOf(root, { path: [], owner: {} }) : [], faults: [] };
}

interface Place {
  readonly path: readonly string[];
  readonly owner: Pick<TagList, 'service' | 'port'>;
}

function listsOf(node: Node, place: Place): readonly TagList[] {
  const children = node.children ?? [];
  if (node.type === 'array') return children.flatMap((child) => listsOf(child, place));
  if (node.type !== 'object') return [];
  const name = stringAt(node, ['Name', 'name', 'Service', 'service']);
  const port = ['Port', 'port', 'PortLabel'].map((key) => Number(findNodeAtLocation(node, [key])?.value)).find((number) => number > 0);
  const inside: Place = {
    path: name === undefined ? place.path : [...place.path, name],
    owner: { ...place.owner, ...(name !== undefined && { service: piecesOf(name) }), ...(port !== undefined && { port }) },
  };
  return children.flatMap((property) => {
    const [key, value] = property.children ?? [];
    if (!key || !value) return [];
    const elements = LISTS.test(String(key.value)) ? elementsOf(value) : undefined;
    if (!elements) return listsOf(value, inside);
    const where = `${inside.path.join(', ')}: ${String(key.value)}`;
    return [
      {
        place: where,
        ...inside.owner,
        start: value.offset,
        end: value.offset + value.length,
        elements,
        layout: JSON_LIST,
      } satisfies TagList,
    ];
  });
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
