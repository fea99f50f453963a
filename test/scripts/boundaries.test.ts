import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Checks a copy of `src` with one more file in it. */
async function checkWith(t: TestContext, file: string, text: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const copy = join(await tempDir(t), 'src');
  await cp(join(ROOT, 'src'), copy, { recursive: true });
  await writeFile(join(copy, file), text);
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/check-boundaries.ts'), copy], { encoding: 'utf8' });
  return { code: status, output: stderr };
}

test('check-boundaries names a file that imports across a border', async (t) => {
  const { code, output } = await checkWith(t, 'compile/planted.ts', "import { createFileSource } from '../sources/file.ts';\n");
  assert.equal(code, 1);
  assert.match(output, /compile\/planted\.ts: imports sources\/file\.ts/);
});

test('check-boundaries names a pure file that imports from node', async (t) => {
  const { code, output } = await checkWith(t, 'plan/planted.ts', "import { readFileSync } from 'node:fs';\n");
  assert.equal(code, 1);
  assert.match(output, /plan\/planted\.ts: imports node:fs/);
});

test('check-boundaries names a second importer of a package', async (t) => {
  const { code, output } = await checkWith(t, 'lib/planted.ts', "import { load } from 'js-yaml';\n");
  assert.equal(code, 1);
  assert.match(output, /lib\/planted\.ts.*package js-yaml has more than one importing file/);
});

test('oxlint names the files of an import cycle', async (t) => {
  const copy = await tempDir(t);
  await cp(join(ROOT, '.oxlintrc.json'), join(copy, '.oxlintrc.json'));
  await writeFile(join(copy, 'planted-a.ts'), "import { b } from './planted-b.ts';\nexport const a = (): number => b();\n");
  await writeFile(join(copy, 'planted-b.ts'), "import { a } from './planted-a.ts';\nexport const b = (): number => a();\n");
  const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), ['--deny-warnings', '.'], { cwd: copy, encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stdout, /Dependency cycle detected[^]*planted-a\.ts[^]*planted-b\.ts/);
});
