import { basename } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { sha256 } from '../lib/hash.ts';
import { visible } from '../lib/text.ts';
import { redactedTag } from '../model/redact.ts';
import type { DialectName } from '../model/route.ts';
import { parseYaml } from '../lib/yaml.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import type { DiagnosticCode } from '../model/codes.ts';
import type { TagSpan } from '../model/diagnostic.ts';
import { DEFAULT_OWNER, parsePort, serviceName, sourceId, type Port } from '../model/names.ts';
import { guessesHost, handWorkIn } from '../jobfiles/filled-in.ts';
import { FILLED, filledText, positionsIn, rawText, type TagElement, type TagList } from '../jobfiles/job-file.ts';
import { loadJobFile, type LoadedFile } from '../jobfiles/load.ts';
import { formOf } from '../jobfiles/read.ts';
import { filesUnder } from '../jobfiles/tree.ts';
import { parseServices } from '../sources/service-file.ts';
import { CommandError, EXIT } from './errors.ts';

/** Where a tag stands in a file; lines from 1. */
export interface TagPlace {
  readonly file: string;
  readonly line?: number;
}

/** A place as `file:line`; empty where it is in no file. */
export function placeText({ file, line }: Partial<TagPlace>): string {
  return [file, line].filter((part) => part !== undefined).join(':');
}

/** What files say that services register. */
export interface FileInstances {
  readonly instances: readonly ServiceInstance[];
  /** What could not be looked at, file by file. */
  readonly unread: readonly UnreadPlace[];
  /** Tags whose host is filled in later: what is made of them holds only where that is one exact host. */
  readonly guessed: readonly GuessedTag[];
  /** A text that was made of what the instances say, with everything that is filled in later as the files have it. */
  readonly asWritten: (text: string) => string;
  /** By the text of the tag, so that one that was put beside it has no place. */
  readonly placeOf: (span: Pick<TagSpan, 'instance' | 'tag'>) => TagPlace | undefined;
}

/** A file, or a place in one, of which nobody knows what it registers. */
export interface UnreadPlace extends TagPlace {
  readonly code: DiagnosticCode;
  readonly message: string;
}

/** A tag of which something was supposed, as files have it. */
export interface GuessedTag extends TagPlace {
  readonly code: 'FILE_HOST_GUESSED';
  readonly tag: string;
}

/** The dialect of a tag by its beginning. */
type DialectOf = (tag: string) => DialectName | undefined;

const SOURCE = sourceId('file');

/**
 * The services of files and directories: service files as they are, and job files with one healthy instance for each list of tags, at an
 * address that is the same for the nth list of a service in any tree. Template text stands in tags as a name of its own; a tag that nobody
 * can read for it is left out. Throws `CommandError` where a path is not there.
 */
export async function instancesOfFiles(paths: readonly string[], dialects: readonly Dialect[]): Promise<FileInstances> {
  const dialectOf: DialectOf = (tag) => dialects.find((dialect) => dialect.recognises(tag))?.name;
  const found = await filesUnder(paths).catch((error: unknown) => {
    throw new CommandError(`Cannot read ${paths.join(', ')}: ${messageOf(error)}`, EXIT.usage);
  });
  const gathered: Gathered = {
    instances: [],
    places: new Map(),
    unread: found.skipped.map(({ path: file, code, message }) => ({ file, code, message })),
    guessed: [],
    holes: new Map(),
    ordinals: new Map(),
  };
  for (const file of found.files) {
    const loaded = await loadJobFile(file);
    const services = servicesIn(file, loaded.text);
    if (services) addServices(services, file, gathered);
    else addJobFile(loaded, { file, dialectOf, gathered });
  }
  const { instances, unread, guessed, places, holes } = gathered;
  return {
    instances,
    unread,
    guessed,
    asWritten: (text) => text.replaceAll(FILLED, (name) => holes.get(name.toLowerCase()) ?? name),
    placeOf: (span) => places.get(placeKey(span)),
  };
}

/** What was found so far. */
interface Gathered {
  readonly instances: ServiceInstance[];
  readonly places: Map<string, TagPlace>;
  readonly unread: UnreadPlace[];
  readonly guessed: GuessedTag[];
  /** What is filled in later, by the name that stands in its place. */
  readonly holes: Map<string, string>;
  /** How many lists of each service there are. */
  readonly ordinals: Map<string, number>;
}

function addServices(services: readonly ServiceInstance[], file: string, { instances, places }: Gathered): void {
  for (const one of services) {
    const instance = `${file} ${one.instance}`;
    instances.push({ ...one, instance });
    for (const tag of one.tags) places.set(placeKey({ instance, tag }), { file });
  }
}

function addJobFile(
  { text, file: { lists, faults } }: LoadedFile,
  { file, dialectOf, gathered }: { readonly file: string; readonly dialectOf: DialectOf; readonly gathered: Gathered },
): void {
  const { instances, places, unread, guessed, holes, ordinals } = gathered;
  const positionOf = positionsIn(text);
  const placeAt = (start: number): TagPlace => ({ file, line: positionOf(start).line });
  for (const { code, message, start } of faults)
    unread.push({ ...(code === 'FILE_UNREADABLE' ? { file } : placeAt(start)), code, message });
  for (const [index, list] of lists.entries()) {
    const service = list.service === undefined ? basename(file).replace(/\..*$/, '') : filledText(list.service);
    const ordinal = ordinals.get(service) ?? 0;
    ordinals.set(service, ordinal + 1);
    const instance = `${file} ${index + 1}`;
    const elements: TagElement[] = [];
    const tags = list.elements.map(({ pieces }) => filledText(pieces));
    const unreadable = handWorkIn(list.elements, { dialectOf: (at) => dialectOf(tags[at] ?? '') });
    for (const [at, element] of list.elements.entries()) {
      const tag = tags[at] ?? '';
      const handWork = unreadable.get(at);
      const place = placeAt(element.start);
      if (handWork) {
        unread.push({ ...place, code: handWork.code, message: `Cannot read the tag: ${handWork.reason}` });
        continue;
      }
      elements.push(element);
      places.set(placeKey({ instance, tag }), place);
      if (guessesHost(element, dialectOf(tag)))
        guessed.push({ ...place, code: 'FILE_HOST_GUESSED', tag: redactedTag(rawText(element.pieces)) });
    }
    instances.push(instanceOf({ ...list, elements }, { service, ordinal, instance }));
    for (const piece of [...(list.service ?? []), ...elements.flatMap(({ pieces }) => pieces)])
      if (typeof piece !== 'string') holes.set(filledText([piece]), visible(piece.raw));
  }
}

/** The services of a service file; undefined for any other. */
function servicesIn(file: string, text: string): readonly ServiceInstance[] | undefined {
  const form = formOf(file);
  if ((form !== 'json' && form !== 'yaml') || text === '') return undefined;
  try {
    return parseServices(parseYaml(text), SOURCE);
  } catch {
    return undefined;
  }
}

function instanceOf(
  { elements, port }: TagList,
  { service, ordinal, instance }: { readonly service: string; readonly ordinal: number; readonly instance: string },
): ServiceInstance {
  const hash = Buffer.from(sha256(`${service} ${ordinal}`), 'hex');
  const [a = 0, b = 0, c = 0] = hash;
  return {
    source: SOURCE,
    owner: DEFAULT_OWNER,
    service: serviceName(service),
    instance,
    address: `10.${a}.${b}.${Math.max(1, c)}`,
    port: parsePort(port ?? 20_000 + (hash.readUInt16BE(4) % 10_000)) ?? (20_000 as Port),
    tags: elements.map(({ pieces }) => filledText(pieces)),
    meta: {},
    health: 'passing',
    modifyIndex: 0,
  };
}

function placeKey({ instance, tag }: Pick<TagSpan, 'instance' | 'tag'>): string {
  return `${instance}\0${tag}`;
}
