import { existsSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ensureDirectory } from '../lib/ensure-directory.ts';
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
  /** Whether it is kept and not damaged; of a large table that is known sooner than the table is read. */
  isWhole(id: number): Promise<boolean>;
  /** Writes the next generation and drops the oldest beyond `keep`; generation 0 stays. */
  add(generation: Omit<Generation, 'id'>): Promise<GenerationMeta>;
  /**
   * Keeps what was found in our place and is not ours, as generation 0; what was kept so before and says something else is moved beside it.
   * Returns its directory; undefined where just that is kept already.
   */
  keepForeign(files: ReadonlyMap<string, string>): Promise<string | undefined>;
  /** Numbers of those on disk that were found damaged, newest first. */
  damaged(): readonly number[];
  pinned(): number | undefined;
  /** What the proxy was given last: the pinned one, else the newest; undefined where none is kept. */
  current(): number | undefined;
  pin(id: number): Promise<void>;
  unpin(): Promise<void>;
}

interface StoredMeta extends GenerationMeta {
  /** Of `table.json`; versions before did not note it. */
  readonly tableSha256?: string;
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
  { cause: anything, tableSha256: text() },
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
    read: (id) => unlessDamaged(id, async (dir, meta) => contentOf(meta, await textsOf(dir, meta))),
    isWhole: async (id) =>
      (await unlessDamaged(id, async (dir, meta) => {
        const texts = await textsOf(dir, meta);
        if (meta.tableSha256 === undefined) contentOf(meta, texts);
        return true;
      })) ?? false,
    async add({ table, config, ...rest }) {
      const id = newestId + 1;
      const tableText = JSON.stringify(table);
      const meta: StoredMeta = {
        ...rest,
        id,
        routes: table.routes.length,
        tableSha256: sha256(tableText),
        files: config.files.map(({ content: _content, ...file }) => file),
      };
      const staged = join(root, `.${id}`);
      await ensureDirectory(join(staged, 'files'));
      await Promise.all(
        config.files.map(({ content }, index) => writeFile(join(staged, 'files', String(index)), content, { mode: 0o600, flush: true })),
      );
      await writeFile(join(staged, 'table.json'), tableText, { mode: 0o600, flush: true });
      await writeFile(join(staged, 'meta.json'), JSON.stringify(meta, null, 1), { mode: 0o600, flush: true });
      await rename(staged, join(root, String(id)));
      newestId = id;
      metas.set(id, meta);
      await dropOldest();
      return meta;
    },
    async keepForeign(files) {
      const dir = join(root, '0');
      const contents = [...files.values()];
      const kept = await foreignIn(dir);
      if (kept && isDeepStrictEqual(kept, contents)) return undefined;
      const staged = join(root, '.0');
      await rm(staged, { recursive: true, force: true });
      await ensureDirectory(join(staged, 'files'));
      await Promise.all(
        contents.map((content, index) => writeFile(join(staged, 'files', String(index)), content, { mode: 0o600, flush: true })),
      );
      const meta = JSON.stringify({ id: 0, foreign: true, paths: [...files.keys()] }, null, 1);
      await writeFile(join(staged, 'meta.json'), meta, { mode: 0o600, flush: true });
      if (kept) await rename(dir, `${dir}.before-${Date.now()}`);
      await rename(staged, dir);
      return dir;
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

  /** What becomes of a generation that is kept; undefined where it is not, or turns out to be damaged. */
  async function unlessDamaged<T>(id: number, task: (dir: string, meta: StoredMeta) => Promise<T>): Promise<T | undefined> {
    const meta = metas.get(id);
    if (!meta) return undefined;
    const dir = join(root, String(id));
    try {
      const done = await task(dir, meta);
      // what could not be read once, as with too many open files, is whole after all
      damaged.delete(id);
      return done;
    } catch (error) {
      warnUnreadable(dir, { error, log });
      damaged.add(id);
      return undefined;
    }
  }

  async function dropOldest(): Promise<void> {
    for (const { id } of newestFirst().slice(keep)) {
      if (id === pinned) continue;
      metas.delete(id);
      await rm(join(root, String(id)), { recursive: true, force: true });
      damaged.delete(id);
    }
  }
}

/** The generations that are whole, newest first; those that are not are known as damaged from then on. */
export async function wholeGenerations(store: GenerationStore): Promise<readonly GenerationMeta[]> {
  const whole: GenerationMeta[] = [];
  for (const meta of store.list()) if (await store.isWhole(meta.id)) whole.push(meta);
  return whole;
}

/** What is kept of somebody else; undefined where nothing is. */
async function foreignIn(dir: string): Promise<readonly string[] | undefined> {
  if (!existsSync(dir)) return undefined;
  const names = await readdir(join(dir, 'files')).catch(() => []);
  return Promise.all(names.toSorted((a, b) => Number(a) - Number(b)).map((name) => present(join(dir, 'files', name))));
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

interface Texts {
  readonly table: string;
  /** In the order of the meta. */
  readonly files: readonly string[];
}

/** What stands in the files of a generation. Rejects where that is not what was written. */
async function textsOf(dir: string, { files, tableSha256 }: StoredMeta): Promise<Texts> {
  const table = await present(join(dir, 'table.json'));
  if (tableSha256 !== undefined && sha256(table) !== tableSha256) throw new TypeError('Cannot use table.json: it is damaged');
  const contents = await Promise.all(files.map((_, index) => present(join(dir, 'files', String(index)))));
  const damaged = files.find(({ sha256: expected }, index) => sha256(contents[index] ?? '') !== expected);
  if (damaged) throw new TypeError(`Cannot use the copy of "${damaged.path}": it is damaged`);
  return { table, files: contents };
}

function contentOf({ tableSha256: _hash, ...meta }: StoredMeta, texts: Texts): Generation {
  const table = JSON.parse(texts.table) as RoutingTable;
  if (table.digest !== meta.digest || !Array.isArray(table.routes) || !Array.isArray(table.backends))
    throw new TypeError('Cannot use table.json: it is not of this generation');
  const files = meta.files.map((file, index) => ({ ...file, content: texts.files[index] ?? '' }));
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
