import type { TagSpan } from '../../../model/diagnostic.ts';
import type { Definition, Reference } from '../../../model/intent.ts';
import { parseLink, type Context } from '../context.ts';
import { declaredBy, fieldOf, type Item } from '../items.ts';
import type { Field } from '../read-labels.ts';
import { partSpan, protective } from '../tell.ts';
import { readMiddleware, readTcpMiddleware } from './read.ts';
import { inOrder, NO_MIDDLEWARE, refused, type MiddlewareItem, type MiddlewareReading, type Tools } from './reading.ts';

/** The middlewares that the labels of one instance declare. */
export interface Middlewares {
  /** What the names in a label stand for, chains expanded. Names of others are left as references. */
  list(field: Field | undefined): MiddlewareReading;
  /** All of them, for other services. */
  readonly definitions: readonly Definition[];
}

/** No middlewares at all, as for udp. */
export const NO_MIDDLEWARES: Middlewares = { list: () => NO_MIDDLEWARE, definitions: [] };

/** The most middlewares that a list may come to. */
const MAX_MIDDLEWARES = 64;

/** The HTTP middlewares. Each is read once, used or not, and each chain is expanded once. */
export function createMiddlewares(items: ReadonlyMap<string, MiddlewareItem>, context: Context & Tools): Middlewares {
  const chains = new Map([...items].filter(([, item]) => !item.fault && isOnlyChain(item)));
  const known = new Map([...items].filter(([key]) => !chains.has(key)).map(([key, item]) => [key, readMiddleware(item, context)]));
  const open = new Set<string>();
  const find: Finder = (key) => {
    const chain = chains.get(key);
    const reading = known.get(key);
    if (reading || !chain) return reading;
    if (open.has(key)) return 'circle';
    open.add(key);
    const expanded = inOrder([list(fieldOf(chain, 'chain.middlewares')), { middlewares: [], spans: chain.spans }]);
    known.set(key, expanded);
    return expanded;
  };
  const list = onceForEach((field) => readList(field, { items, find, prefix: '', context }));
  return { list, definitions: [...items].map(([key, item]) => definitionOf(item, item.name, find(key))) };
}

/** The TCP middlewares. */
export function createTcpMiddlewares(items: ReadonlyMap<string, Item<'tcp.middlewares'>>, context: Context): Middlewares {
  const read = new Map([...items].map(([key, item]) => [key, readTcpMiddleware(item, context.tell)]));
  const find: Finder = (key) => read.get(key);
  return {
    list: onceForEach((field) => readList(field, { items, find, prefix: TCP_PREFIX, context })),
    definitions: [...items].map(([key, item]) => definitionOf(item, `${TCP_PREFIX}${item.name}`, find(key))),
  };
}

/** TCP has names of its own: no name of a label holds a dot. */
const TCP_PREFIX = 'tcp.';

/** A list is reported once, however often it is asked for. */
function onceForEach(read: (field: Field) => MiddlewareReading): Middlewares['list'] {
  const known = new Map<Field, MiddlewareReading>();
  return (field) => {
    if (!field) return NO_MIDDLEWARE;
    const reading = known.get(field) ?? read(field);
    known.set(field, reading);
    return reading;
  };
}

/** What a lower-cased name stands for; `circle` where that is being found out just now. */
type Finder = (key: string) => MiddlewareReading | 'circle' | undefined;

interface ListTools {
  readonly items: ReadonlyMap<string, Item>;
  readonly find: Finder;
  readonly prefix: string;
  readonly context: Context;
}

function readList(field: Field, tools: ListTools): MiddlewareReading {
  const readings: MiddlewareReading[] = [];
  let count = 0;
  for (const { name, span } of namesIn(field)) {
    const reading = readName(name, span, tools);
    readings.push(reading);
    count += Math.max(1, reading.middlewares.length);
    if (count <= MAX_MIDDLEWARES) continue;
    const message = `Cannot use more than ${MAX_MIDDLEWARES} middlewares: the route answers 503`;
    tools.context.tell('TRAEFIK_LABEL_VALUE', message, span);
    return { middlewares: [], fault: protective('TRAEFIK_LABEL_VALUE') };
  }
  return inOrder(readings);
}

/** One name of a list. */
function readName(name: string, span: TagSpan, { items, find, prefix, context: { tell } }: ListTools): MiddlewareReading {
  const miss = (message: string, hint?: string): MiddlewareReading => {
    tell('TRAEFIK_REFERENCE_UNKNOWN', `${message}: the route answers 503`, span, { hint });
    return refused('TRAEFIK_REFERENCE_UNKNOWN', true);
  };
  if (name === '') return miss('Cannot use a middleware without a name', 'Take the comma out');
  const link = parseLink(name);
  const reference = (to: Reference['to'], known: string): MiddlewareReading => ({
    middlewares: [{ kind: 'reference', to, name: known, span, code: 'TRAEFIK_REFERENCE_UNKNOWN' }],
  });
  switch (link.scope) {
    case 'file':
      return reference('policy', link.name);
    case 'internal':
      tell('TRAEFIK_FEATURE_REFUSED', `Cannot use "${name}": no tag may; the route answers 503`, span);
      return refused('TRAEFIK_FEATURE_REFUSED', true);
    case 'elsewhere':
      return miss(`Cannot find middleware "${name}"`, `Write ${link.name}, or ${link.name}@file for a policy of the operator`);
    case 'labels': {
      const key = link.name.toLowerCase();
      const found = find(key);
      if (found === 'circle') return miss(`Cannot follow chain "${name}": it leads to itself`);
      const spelled = items.get(key)?.name;
      if (spelled !== undefined && spelled !== link.name)
        tell('TRAEFIK_NAME_CASE', `"${link.name}" is declared as "${spelled}": Traefik would not find it`, span);
      return found ?? reference('middleware', `${prefix}${link.name}`);
    }
    default:
      throw new TypeError(`Cannot follow a link: ${JSON.stringify(link.scope satisfies never)}`);
  }
}

/** The names of a list with their places. */
function namesIn(field: Field): readonly { readonly name: string; readonly span: TagSpan }[] {
  if (field.label.value === '') return [];
  let at = 0;
  return field.label.value.split(',').map((piece) => {
    const name = piece.trim();
    const start = at + (piece.length - piece.trimStart().length);
    at += piece.length + 1;
    return { name, span: partSpan(field.label.valueSpan, { start, end: start + name.length }) };
  });
}

function isOnlyChain(item: MiddlewareItem): boolean {
  return item.parts.size === 1 && item.parts.has('chain');
}

function definitionOf(item: Item, name: string, reading: ReturnType<Finder>): Definition {
  const { span, fault: itemFault } = item;
  const { middlewares, upstreamHost, sidePools, fault = itemFault } = typeof reading === 'object' ? reading : NO_MIDDLEWARE;
  return {
    kind: 'middleware',
    name,
    span,
    declared: declaredBy(item),
    middlewares,
    ...(upstreamHost && { upstreamHost }),
    ...(sidePools && { sidePools }),
    ...(fault && { fault }),
  };
}
