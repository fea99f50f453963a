import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import { systemCode } from '../lib/errors.ts';
import { isUnreadable, readOrSetAside, setAside, type DamageOptions } from '../lib/set-aside.ts';
import { listOf, number, objectOf, oneOf, text, type Shape } from '../lib/shape.ts';
import { APPLY_OUTCOMES, type Generation } from '../model/generation.ts';
import type { Digest } from '../model/names.ts';
import { SERVERS, type RenderedConfig, type RenderedFile } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';

/** What is kept of a generation beside its table and files. */
export type GenerationMeta = Omit<Generation, 'table' | 'config'> & { readonly routes: number };

/** Every configuration that a proxy was given, numbered, on disk; and which one is pinned by a rollback. */
export interface GenerationStore {
  /** Newest first. */
  list(): readonly GenerationMeta[];
  /** With its table and files; undefined where it is not kept or damaged. */
  read(id: number): Promise<Generation | undefined>;
  /** Writes the next generation and drops the oldest beyond `keep`; generation 0 stays. */
  add(generation: Omit<Generation, 'id'>): Promise<GenerationMeta>;
  /** Keeps files that were found in our place and are not ours, as generation 0. */
  keepForeign(files: ReadonlyMap<string, string>): Promise<void>;
  /** Numbers of those on disk that were found damaged, newest first. */
  damaged(): readonly number[];
  pinned(): number | undefined;
  /** What the proxy was given last: the pinned one, else the newest; undefined where none is kept. */
  current(): number | undefined;
  pin(id: number): Promise<void>;
  unpin(): Promise<void>;
}

interface StoredMeta extends GenerationMeta {
  readonly files: readonly Omit<RenderedFile, 'content'>[];
}

const anything: Shape<never> = (value): value is never => value !== undefined;

const isMeta = objectOf<StoredMeta>(
  {
    id: number,
    proxy: text(),
    server: oneOf(SERVERS),
    digest: text<Digest>(),
    versions: objectOf<Generation['versions']>({ hindProxy: text() }, { proxy: text() }),
    appliedAtMs: number,
    outcome: oneOf(APPLY_OUTCOMES),
    routes: number,
    files: listOf(objectOf<StoredMeta['files'][number]>({ path: text(), sha256: text<Digest>(), units: listOf(anything) }, {})),
  },
  { cause: anything },
);

/** Opens `<stateDir>/generations`. A generation that cannot be read is skipped with a warning. */
export async function openGenerations(
  stateDir: string,
  { keep, ...damage }: DamageOptions & { readonly keep: number },
): Promise<GenerationStore> {
  const { looksOnly = false, log } = damage;
  const root = join(stateDir, 'generations');
  const pinFile = join(stateDir, 'pinned');
  const metas = new Map<number, StoredMeta>();
  const damaged = new Set<number>();
  let newestId = 0;
  for (const name of await namesIn(root, damage)) {
    if (/^\d+$/.test(name)) newestId = Math.max(newestId, Number(name));
    // where nothing can be removed, it is only in the way of nobody; who only looks may see one that is being written
    if (name.startsWith('.') && !looksOnly) await rm(join(root, name), { recursive: true, force: true }).catch(() => undefined);
    const meta = /^\d+$/.test(name) && name !== '0' ? await readMeta(join(root, name), log) : undefined;
    if (meta) metas.set(meta.id, meta);
    else if (/^[1-9]\d*$/.test(name)) damaged.add(Number(name));
  }
  let pinned = pinOf(await readOrSetAside(pinFile, damage));
  const newestFirst = (): readonly StoredMeta[] => [...metas.values()].toSorted((a, b) => b.id - a.id);

  const store: GenerationStore = {
    list: newestFirst,
    damaged: () => [...damaged].toSorted((a, b) => b - a),
    pinned: () => pinned,
    current: () => pinned ?? newestFirst()[0]?.id,
    async read(id) {
      const meta = metas.get(id);
      if (!meta) return undefined;
      const dir = join(root, String(id));
      return readContent(dir, meta).catch((error: unknown) => {
        warnUnreadable(dir, { error, log });
        damaged.add(id);
        return undefined;
      });
    },
    async add({ table, config, ...rest }) {
      const id = newestId + 1;
      const meta: StoredMeta = {
        ...rest,
        id,
        routes: table.routes.length,
        files: config.files.map(({ content: _content, ...file }) => file),
      };
      const staged = join(root, `.${id}`);
      await mkdir(join(staged, 'files'), { recursive: true, mode: 0o750 });
      await Promise.all(
        config.files.map(({ content }, index) => writeFile(join(staged, 'files', String(index)), content, { mode: 0o600, flush: true })),
      );
      await writeFile(join(staged, 'table.json'), JSON.stringify(table), { mode: 0o600, flush: true });
      await writeFile(join(staged, 'meta.json'), JSON.stringify(meta, null, 1), { mode: 0o600, flush: true });
      await rename(staged, join(root, String(id)));
      newestId = id;
      metas.set(id, meta);
      await dropOldest();
      return meta;
    },
    async keepForeign(files) {
      const dir = join(root, '0');
      await mkdir(join(dir, 'files'), { recursive: true, mode: 0o750 });
      const paths = [...files.keys()];
      await Promise.all(
        [...files.values()].map((content, index) => writeFile(join(dir, 'files', String(index)), content, { mode: 0o600, flush: true })),
      );
      await writeFile(join(dir, 'meta.json'), JSON.stringify({ id: 0, foreign: true, paths }, null, 1), { mode: 0o600, flush: true });
    },
    // what could not be written must not hold either: the catalogs would be followed no more, and nobody be told
    async pin(id) {
      await writeFileAtomic(pinFile, `${id}\n`, { mode: 0o600 });
      pinned = id;
    },
    async unpin() {
      await rm(pinFile, { force: true });
      pinned = undefined;
    },
  };
  // what a start begins with is the newest, so the newest has to be whole
  for (const { id } of newestFirst()) {
    if (await store.read(id)) break;
    metas.delete(id);
  }
  return store;

  async function dropOldest(): Promise<void> {
    for (const { id } of newestFirst().slice(keep)) {
      if (id === pinned) continue;
      metas.delete(id);
      await rm(join(root, String(id)), { recursive: true, force: true });
    }
  }
}

/** The generations that are whole, newest first; those that are not are known as damaged from then on. */
export async function wholeGenerations(store: GenerationStore): Promise<readonly GenerationMeta[]> {
  for (const { id } of store.list()) await store.read(id);
  const damaged = new Set(store.damaged());
  return store.list().filter(({ id }) => !damaged.has(id));
}

/** What stands in a directory; nothing where it was not made yet, as by commands that only look, or where it is none that can be read. */
async function namesIn(dir: string, damage: DamageOptions): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    if (!isUnreadable(error)) throw error;
    await setAside(dir, { ...damage, reason: error.message });
    return [];
  }
}

async function readMeta(dir: string, log: Log): Promise<StoredMeta | undefined> {
  try {
    const meta: unknown = JSON.parse(await present(join(dir, 'meta.json')));
    if (!isMeta(meta) || String(meta.id) !== basename(dir)) throw new TypeError('Cannot use meta.json: it is not of this generation');
    return meta;
  } catch (error) {
    warnUnreadable(dir, { error, log });
    return undefined;
  }
}

async function readContent(dir: string, meta: StoredMeta): Promise<Generation> {
  const table = JSON.parse(await present(join(dir, 'table.json'))) as RoutingTable;
  if (table.digest !== meta.digest || !Array.isArray(table.routes) || !Array.isArray(table.backends))
    throw new TypeError('Cannot use table.json: it is not of this generation');
  const files = await Promise.all(
    meta.files.map(async (file, index) => ({ ...file, content: await present(join(dir, 'files', String(index))) })),
  );
  const damaged = files.find(({ content, sha256: expected }) => sha256(content) !== expected);
  if (damaged) throw new TypeError(`Cannot use the copy of "${damaged.path}": it is damaged`);
  const config: RenderedConfig = { server: meta.server, files, tableDigest: meta.digest };
  return { ...meta, table, config };
}

/** The text of a file that has to be there. */
async function present(path: string): Promise<string> {
  const content = await readTextFile(path);
  if (content === undefined) throw new TypeError(`Cannot read ${path}: it is not there`);
  return content;
}

function warnUnreadable(dir: string, { error, log }: { readonly error: unknown; readonly log: Log }): void {
  log.warn(
    { component: 'state', event: 'generation_unreadable', file: dir, err: { message: String(error) } },
    'Cannot read a generation; it is skipped',
  );
}

function pinOf(text: string | undefined): number | undefined {
  const id = Number.parseInt(text ?? '', 10);
  return Number.isInteger(id) ? id : undefined;
}
