import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pages, readIfThere } from './docs-pages.ts';

/**
 * Pages printed from the tables they document. `node scripts/gen-docs.ts` writes them; `--check` writes nothing, names every page that
 * differs from its table and exits 1 when there is one.
 */

if (process.argv.includes('--check')) {
  const stale = pages.filter(({ path, text }) => readIfThere(path) !== text);
  for (const { path } of stale) console.error(`${nameOf(path)}: differs from its table, expected what node scripts/gen-docs.ts writes`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else for (const { path, text } of pages) writeFileSync(path, text);

function nameOf(path: string): string {
  return relative(join(import.meta.dirname, '..'), path);
}
