import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  stringify,
  type Scalar,
  type ToStringOptions,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { piecesOf, rawText, strayTags, type FileFault, type JobFile, type ListLayout, type TagElement, type TagList } from './job-file.ts';

const LISTS = /^(?:(?:canary_?)?tags|labels)$/i;

/** What of a YAML text is about tags: lists of tags and labels in compose files, Ansible and what else registers services. */
export function readYaml(text: string): JobFile {
  const documents = parseAllDocuments(text, { lineCounter: new LineCounter(), keepSourceTokens: true });
  const found: Found = { lists: [], faults: [] };
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error)
      found.faults.push({ code: 'FILE_SYNTAX', message: `Cannot read the file: ${firstLine(error.message)}`, start: error.pos[0] });
    else readNode(document.contents, { text, path: [], owner: {} }, found);
  }
  return found.faults.some(({ code }) => code === 'FILE_SYNTAX') ? { lists: [], faults: found.faults } : found;
}

interface Found {
  readonly lists: TagList[];
  readonly faults: FileFault[];
}

interface Place {
  readonly text: string;
  readonly path: readonly string[];
  readonly owner: Pick<TagList, 'service'>;
}

function readNode(node: unknown, place: Place, found: Found): void {
  if (isSeq(node)) for (const item of node.items) readNode(item, place, found);
  if (isScalar(node)) readScalar(node, place, found);
  if (!isMap(node)) return;
  const named = node.get('name') ?? node.get('Name');
  const own = typeof named === 'string' ? named : undefined;
  const owner = own === undefined ? place.owner : { service: piecesOf(own) };
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const inside: Place = { text: place.text, path: [...place.path, name], owner };
    if (LISTS.test(name) && isSeq(value) && isEditable(value)) readList(value, inside, found);
    else if (LISTS.test(name) && isMap(value)) readMap(value, inside, found);
    // the key of a compose service is its name
    else readNode(value, place.path.at(-1) === 'services' ? { ...inside, owner: { service: piecesOf(name) } } : inside, found);
  }
}

/** A variable or label in which registrator finds the tags of a container, in a list or as a key. */
const REGISTRATOR = /^SERVICE_(?:\d+_)?TAGS$/;

/** Tags in a text that is no list of them. */
function readScalar(node: Scalar, { text, path }: Place, { faults }: Found): void {
  const { range, value } = node;
  if (!range || typeof value !== 'string') return;
  const [start, end] = range;
  faults.push(...(registratorFaults(node, path) ?? strayTags(text.slice(start, end), { start, where: path.join('.') })));
}

/** Tags in a text that registrator reads; undefined for another text. */
function registratorFaults({ range, value }: Scalar, path: readonly string[]): readonly FileFault[] | undefined {
  const [, variable = path.at(-1) ?? '', tags = String(value)] = /^(\w+)=(.*)$/s.exec(String(value)) ?? [];
  if (!range || !REGISTRATOR.test(variable)) return undefined;
  if (!/(?:^|,)\s*(?:urlprefix-|traefik\.|https?:\/\/)/.test(tags)) return [];
  const message = `Cannot edit the tags in ${variable} of ${path.slice(0, 2).join('.')}: registrator reads them from one text, expected a list of tags`;
  return [{ code: 'FILE_EXPRESSION', message, start: range[0] }];
}

/** Whether all elements are strings that stand in the list themselves. */
function isEditable({ items }: YAMLSeq): boolean {
  return items.every((item) => isScalar(item) && typeof item.value === 'string' && item.type?.startsWith('BLOCK') !== true);
}

function readList(list: YAMLSeq, { path, owner }: Place, found: Found): void {
  const [start = 0, end = 0] = list.range ?? [];
  const items = list.items as readonly Scalar<string>[];
  const elements = items.flatMap(({ range, value }): readonly TagElement[] =>
    range ? [{ start: range[0], end: range[1], pieces: piecesOf(value) }] : [],
  );
  found.lists.push({ place: path.join('.'), ...owner, start, end, elements, layout: layoutOf(list) });
  found.faults.push(...items.flatMap((item) => registratorFaults(item, path) ?? []));
}

/** Labels as a map: each is a key and a value, so that a tag without `=` has no place. */
function readMap(map: YAMLMap, { path }: Place, found: Found): void {
  const [start = 0] = map.range ?? [];
  for (const { key, value } of map.items)
    if (isScalar(key) && isScalar(value)) found.faults.push(...(registratorFaults(value, [...path, String(key.value)]) ?? []));
  const isRouting = map.items.some(({ key }) => isScalar(key) && /^(?:traefik\.|urlprefix-|https:\/\/)/.test(String(key.value)));
  if (isRouting)
    found.faults.push({
      code: 'FILE_EXPRESSION',
      message: `Cannot edit ${path.join('.')}: it is a map, expected a list of KEY=VALUE`,
      start,
    });
}

/** New elements are quoted as those that are there; in brackets a plain scalar would end at a comma. */
function layoutOf({ flow, items }: YAMLSeq): ListLayout {
  const isFlow = flow === true;
  const style = items.map((item) => (isScalar(item) ? item.type : undefined)).find((type) => type?.startsWith('QUOTE'));
  const defaultStringType = style === 'QUOTE_SINGLE' ? style : style !== undefined || isFlow ? 'QUOTE_DOUBLE' : 'PLAIN';
  const options: ToStringOptions = { lineWidth: 0, defaultStringType };
  return {
    quote: (pieces) => stringify(rawText(pieces), options).trimEnd(),
    separator: isFlow ? 'comma' : 'dash',
    trailingComma: isFlow,
  };
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/:$/, '');
}
