import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { FileSizeError, readTextFile } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import { keyPlace } from '../lib/key-place.ts';
import type { Log } from '../lib/log.ts';
import { compareText } from '../lib/sort.ts';
import { parseYaml, YamlError } from '../lib/yaml.ts';
import { compareInstances, type ServiceInstance, type SourceEvent } from '../model/catalog.ts';
import { sourceId, type SourceId } from '../model/names.ts';
import { parseServices, ServiceError } from './service-file.ts';
import type { Source } from './source.ts';
import { createNotifier } from '../lib/notifier.ts';

/** What the file source needs. */
export interface FileSourceOptions {
  /** A directory of `.json`, `.yaml` and `.yml` files, or one file. */
  readonly path: string;
  /** ms between looks that do not depend on the system's notifications. */
  readonly pollMs: number;
  readonly log: Log;
}

/** As much as a catalog may answer at once. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The last readable state of one file. */
interface ServiceFile {
  readonly sha256: string;
  readonly instances: readonly ServiceInstance[];
  /** What is wrong with its present content, in which case `instances` are those of before. */
  readonly fault?: string;
}

/**
 * Services from files that the operator writes. A file that is half written or wrong keeps its previous content and is reported with
 * line and column; a file that goes takes its services along. Files are looked at when the system tells and every `pollMs`.
 */
export function createFileSource({ path, pollMs, log }: FileSourceOptions): Source {
  const id = sourceId('file');
  const wake = createNotifier();
  let asked = false;
  return {
    id,
    refresh() {
      asked = true;
      wake.notify();
    },
    async *watch(signal): AsyncGenerator<SourceEvent> {
      const { watch: watchFiles } = await import('chokidar');
      const watcher = watchFiles(path, { ignoreInitial: true, atomic: true, depth: 0 });
      watcher.on('all', () => wake.notify());
      watcher.on('error', () => wake.notify());
      let files: ReadonlyMap<string, ServiceFile> = new Map();
      let shown: string | undefined;
      try {
        while (!signal.aborted) {
          const forced = asked;
          asked = false;
          const read = await readFiles(path, files, id).catch((error: unknown) => asError(error, path));
          if (read instanceof Error) yield { kind: 'failed', source: id, error: read, retryInMs: pollMs };
          else {
            reportFaults(files, read, log);
            files = read;
            const revision = revisionOf(files);
            if (forced || revision !== shown) yield { kind: 'snapshot', snapshot: snapshotOf(files, revision, id) };
            shown = revision;
          }
          await wake.wait(pollMs, signal);
        }
      } finally {
        await watcher.close();
      }
    },
  };
}

async function readFiles(path: string, before: ReadonlyMap<string, ServiceFile>, id: SourceId): Promise<ReadonlyMap<string, ServiceFile>> {
  const single = (await stat(path)).isFile();
  const names = single ? [path] : (await readdir(path)).filter(isServiceFile).map((name) => join(path, name));
  const files = new Map<string, ServiceFile>();
  for (const name of names.toSorted(compareText)) {
    const known = before.get(name);
    const text = await textOf(name);
    if (text instanceof FileSizeError) {
      files.set(name, { sha256: '', instances: known?.instances ?? [], fault: `${name}: ${text.message}` });
      continue;
    }
    const digest = sha256(text);
    files.set(name, known?.sha256 === digest ? known : readServices(text, { sha256: digest, name, id, before: known?.instances ?? [] }));
  }
  return files;
}

/** The text of a service file, or why it is too large for one. */
async function textOf(name: string): Promise<string | FileSizeError> {
  try {
    const text = await readTextFile(name, { maxBytes: MAX_FILE_BYTES });
    if (text === undefined) throw new Error(`${name} is not there any more`);
    return text;
  } catch (error) {
    if (error instanceof FileSizeError) return error;
    throw error;
  }
}

function readServices(
  text: string,
  file: { readonly sha256: string; readonly name: string; readonly id: SourceId; readonly before: readonly ServiceInstance[] },
): ServiceFile {
  // an editor that truncates before it writes leaves nothing for a moment
  if (text.trim() === '' && file.before.length > 0)
    return { sha256: file.sha256, instances: file.before, fault: `${file.name}: the file is empty` };
  try {
    return { sha256: file.sha256, instances: parseServices(parseYaml(text), file.id) };
  } catch (error) {
    const place = placeOf(error, text);
    return { sha256: file.sha256, instances: file.before, fault: `${file.name}${place}: ${messageOf(error)}` };
  }
}

/** Where in the text a fault is, as it follows the name of the file; empty where that is not known. */
function placeOf(error: unknown, text: string): string {
  const key = error instanceof ServiceError ? error.key : undefined;
  const { line, column } = error instanceof YamlError ? error : keyPlace(text, key === undefined ? [] : [key]);
  return line === undefined ? '' : `:${line}:${column}`;
}

function reportFaults(before: ReadonlyMap<string, ServiceFile>, now: ReadonlyMap<string, ServiceFile>, log: Log): void {
  for (const [file, { fault }] of now) {
    if (fault === undefined || before.get(file)?.fault === fault) continue;
    log.warn(
      { component: 'file', event: 'service_file_unreadable', file, reason: fault },
      'Cannot read a service file; its previous content is kept',
    );
  }
}

function snapshotOf(
  files: ReadonlyMap<string, ServiceFile>,
  revision: string,
  source: SourceId,
): Extract<SourceEvent, { kind: 'snapshot' }>['snapshot'] {
  const instances = [...files.values()].flatMap((file) => file.instances).toSorted(compareInstances);
  const faults = [...files.values()].flatMap(({ fault }) => fault ?? []);
  return { source, revision, observedAtMs: Date.now(), local: true, ...(faults.length > 0 && { faults }), instances };
}

function revisionOf(files: ReadonlyMap<string, ServiceFile>): string {
  return sha256(JSON.stringify([...files].map(([name, { instances, fault = '' }]) => [name, instances, fault])));
}

function isServiceFile(name: string): boolean {
  return /\.(json|ya?ml)$/.test(name) && !basename(name).startsWith('.');
}

function asError(error: unknown, path: string): Error {
  return new Error(`Cannot read services from ${path}: ${messageOf(error)}`, { cause: error });
}
