import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainText } from '../src/cli/explain-text.ts';
import { requestText } from '../src/cli/request-text.ts';
import { explainView } from '../src/controller/explain.ts';
import { testView } from '../src/controller/request-view.ts';
import { parseYaml } from '../src/lib/yaml.ts';
import { sourceId } from '../src/model/names.ts';
import { parseServices } from '../src/sources/service-file.ts';
import { sceneOf } from './support/scenes.ts';

/**
 * One folder per situation: `in.yaml` holds services and URLs, the other files what `explain` and `test` print for them.
 * `UPDATE_CASES=1 node --test test/explanations.test.ts` writes them anew; read the difference before you commit it.
 */
const ROOT = join(import.meta.dirname, 'explanations');
const PLAIN = { style: (_style: string, text: string) => text };

function outputsOf(input: string): Readonly<Record<string, string>> {
  const { services, urls } = parseYaml(input) as { readonly services: unknown; readonly urls: readonly string[] };
  const scene = sceneOf(parseServices(services, sourceId('file')));
  const sections = (text: (url: string) => string): string => urls.map((url) => `$ ${url}\n\n${text(url)}\n`).join('\n\n');
  return {
    'explain.txt': sections((url) => explainText(explainView(scene, url), PLAIN)),
    'test.txt': sections((url) => requestText(testView(scene, { url }), PLAIN)),
  };
}

for (const name of readdirSync(ROOT).toSorted())
  test(`explanation ${name} reads as its folder says`, () => {
    const outputs = outputsOf(readFileSync(join(ROOT, name, 'in.yaml'), 'utf8'));
    for (const [file, output] of Object.entries(outputs)) {
      const path = join(ROOT, name, file);
      if (process.env['UPDATE_CASES'] === '1') writeFileSync(path, output);
      assert.ok(existsSync(path), `${path} is missing: write it with UPDATE_CASES=1`);
      assert.equal(output, readFileSync(path, 'utf8'), `${name}/${file}`);
    }
    assert.deepEqual(readdirSync(join(ROOT, name)).toSorted(), ['in.yaml', ...Object.keys(outputs)].toSorted());
  });
