import { text as readAll } from 'node:stream/consumers';
import type { ServiceInstance } from '../model/catalog.ts';
import { DEFAULT_OWNER, serviceName, sourceId, type Port } from '../model/names.ts';
import { CommandError, EXIT } from './errors.ts';

/** Tags that a command is to look at, and what is known of their service. */
export interface GivenTags {
  readonly tags: readonly string[];
  readonly service?: string;
  readonly port?: number;
}

/** Tags from arguments; `-` stands for what stdin holds. */
export async function givenTags(args: readonly string[]): Promise<GivenTags> {
  if (!args.includes('-')) return { tags: args };
  const { tags, ...service } = parseTags(await readAll(process.stdin));
  return { tags: args.flatMap((arg) => (arg === '-' ? tags : [arg])), ...service };
}

/** A healthy instance that registers tags. */
export function givenInstance(
  tags: readonly string[],
  { service, port }: { readonly service: string; readonly port: Port },
): ServiceInstance {
  return {
    source: sourceId('static'),
    owner: DEFAULT_OWNER,
    service: serviceName(service),
    instance: 'tags',
    address: '127.0.0.1',
    port,
    tags,
    meta: {},
    health: 'passing',
    modifyIndex: 0,
  };
}

/**
 * Tags in a text: one a line, also as JSON strings; or a JSON list of tags; or one service as JSON, as Consul, Nomad and the file source
 * write it. Throws `CommandError` where JSON is begun and holds something else.
 */
function parseTags(text: string): GivenTags {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.replace(/,$/, ''))
    .filter((line) => line.trim() !== '');
  if (!/^\s*(?:\[\s*["\]{]|\{\s*")/.test(text)) return { tags: lines.map(asTag) };
  try {
    return fromJson(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CommandError(`Cannot read tags: ${error.message}, expected a JSON list of tags, a service, or lines`, EXIT.usage);
  }
}

/** A line that is a JSON string is the text in it. */
function asTag(line: string): string {
  try {
    const value: unknown = /^\s*".*"\s*$/.test(line) ? JSON.parse(line) : line;
    return typeof value === 'string' ? value : line;
  } catch {
    return line;
  }
}

function fromJson(value: unknown): GivenTags {
  const list: unknown = Array.isArray(value) && value.length === 1 && typeof value[0] === 'object' ? value[0] : value;
  if (isTags(list)) return { tags: list };
  const fields = new Map(
    typeof list === 'object' && list !== null ? Object.entries(list).map(([key, part]) => [key.toLowerCase(), part]) : [],
  );
  const service: unknown = fields.get('name') ?? fields.get('service');
  const port: unknown = fields.get('port');
  const tags: unknown = fields.get('tags') ?? [];
  if (isTags(tags) && fields.has('tags'))
    return { tags, ...(typeof service === 'string' && { service }), ...(typeof port === 'number' && { port }) };
  throw new CommandError('Cannot read tags: the JSON is no list of tags and no service with tags', EXIT.usage);
}

function isTags(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string');
}
