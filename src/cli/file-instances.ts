import { basename } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { sha256 } from '../lib/hash.ts';
import { parseYaml } from '../lib/yaml.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import type { DiagnosticCode } from '../model/codes.ts';
import type { TagSpan } from '../model/diagnostic.ts';
import { DEFAULT_OWNER, parsePort, serviceName, sourceId, type Port } from '../model/names.ts';
import { filledText, positionsIn, type TagList } from '../jobfiles/job-file.ts';
import { loadJobFile } from '../jobfiles/load.ts';
import { formOf } from '../jobfiles/read.ts';
import { filesUnder } from '../jobfiles/tree.ts';
import { parseServices } from '../sources/service-file.ts';
import { CommandError, EXIT } from './errors.ts';

/** Where a tag stands in a file; lines from 1. */
export interface TagPlace {
  readonly file: string;
  readonly line?: number;
}

/** What files say that services register. */
export interface FileInstances {
  readonly instances: readonly ServiceInstance[];
  /** What could not be looked at, file by file. */
  readonly unread: readonly UnreadPlace[];
  /** By the text of the tag, so that one that was put beside it has no place. */
  readonly placeOf: (span: Pick<TagSpan, 'instance' | 'tag'>) => TagPlace | undefined;
}

/** A file, or a place in one, of which nobody knows what it registers. */
export interface UnreadPlace extends TagPlace {
  readonly code: DiagnosticCode;
  readonly message: string;
}

const SOURCE = sourceId('file');

/**
 * The services of files and directories: service files as they are, and job files with one healthy instance for each list of tags, at an
 * address that is the same for the nth list of a service in any tree. Template text stands in tags as a name of its own. Throws
 * `CommandError` where a path is not there.
 */
export async function instancesOfFiles(paths: readonly string[]): Promise<FileInstances> {
  const found = await filesUnder(paths).catch((error: unknown) => {
    throw new CommandError(`Cannot read ${paths.join(', ')}: ${messageOf(error)}`, EXIT.usage);
  });
  const instances: ServiceInstance[] = [];
  const places = new Map<string, TagPlace>();
  const unread: UnreadPlace[] = found.skipped.map(({ path: file, code, message }) => ({ file, code, message }));
  const ordinals = new Map<string, number>();
  for (const file of found.files) {
    const {
      text,
      file: { lists, faults },
    } = await loadJobFile(file);
    const services = servicesIn(file, text);
    if (services) {
      for (const one of services) {
        const instance = `${file} ${one.instance}`;
        instances.push({ ...one, instance });
        for (const tag of one.tags) places.set(placeKey({ instance, tag }), { file });
      }
      continue;
    }
    const positionOf = positionsIn(text);
    for (const { code, message, start } of faults) unread.push({ file, line: positionOf(start).line, code, message });
    for (const [index, list] of lists.entries()) {
      const service = list.service === undefined ? basename(file).replace(/\..*$/, '') : filledText(list.service);
      const ordinal = ordinals.get(service) ?? 0;
      ordinals.set(service, ordinal + 1);
      const instance = `${file} ${index + 1}`;
      instances.push(instanceOf(list, { service, ordinal, instance }));
      for (const { start, pieces } of list.elements)
        places.set(placeKey({ instance, tag: filledText(pieces) }), { file, line: positionOf(start).line });
    }
  }
  return { instances, unread, placeOf: (span) => places.get(placeKey(span)) };
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
