import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic } from '../src/cli/print.ts';
import { createPipeline } from '../src/controller/pipeline.ts';
import { routeViews } from '../src/controller/views.ts';
import { parseYaml, printYaml } from '../src/lib/yaml.ts';
import { sourceId } from '../src/model/names.ts';
import { parseServices } from '../src/sources/service-file.ts';
import { caddyTarget } from '../src/targets/caddy/target.ts';
import { traefikTarget } from '../src/targets/traefik/target.ts';
import { SETTINGS as BASE } from './support/settings.ts';
import { CASE_DIALECTS, ENTRY_POINTS, OPTIONS } from './support/intents.ts';

/**
 * One folder per behaviour: `in.yaml` holds services, the other files what becomes of them: the table, both renderings, and what is
 * reported. `UPDATE_CASES=1 node --test test/cases.test.ts` writes them anew; read the difference before you commit it.
 */
const ROOT = join(import.meta.dirname, 'cases');
const OUTPUTS = ['table.yaml', 'diagnostics.txt', 'Caddyfile', 'traefik.yml'];

const SETTINGS = { ...BASE, entryPoints: ENTRY_POINTS };

function outputsOf(input: string): Readonly<Record<string, string>> {
  const source = sourceId('file');
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile: OPTIONS, primary: sourceId('nomad'), merge: 'primary-wins' });
  const snapshot = { source, revision: '0', observedAtMs: 0, local: true, instances: parseServices(parseYaml(input), source) };
  const { value, diagnostics } = pipeline.compile([snapshot], new Map());
  const [caddy, traefik] = [caddyTarget.render(value.table, SETTINGS), traefikTarget.render(value.table, SETTINGS)];
  const routes = routeViews(value.table, { held: [], diagnostics }).map(
    ({ match, entrypoints, services, action, middlewares, backends }) => ({
      match,
      entrypoints,
      services,
      does: [...middlewares, action],
      to: backends.map(({ address, port, weight }) => `${address}:${port} weight ${weight}`),
    }),
  );
  const reported = [...diagnostics, ...caddy.diagnostics, ...traefik.diagnostics];
  return {
    'table.yaml': printYaml(routes),
    'diagnostics.txt': reported.map((diagnostic) => `${formatDiagnostic(diagnostic, { style: (_style, text) => text })}\n`).join('\n'),
    Caddyfile: caddy.value.files[0]?.content ?? '',
    'traefik.yml': traefik.value.files[0]?.content ?? '',
  };
}

for (const name of readdirSync(ROOT).toSorted())
  test(`case ${name} is rendered as its folder says`, () => {
    const outputs = outputsOf(readFileSync(join(ROOT, name, 'in.yaml'), 'utf8'));
    for (const file of OUTPUTS) {
      const path = join(ROOT, name, file);
      if (process.env['UPDATE_CASES'] === '1') writeFileSync(path, outputs[file] ?? '');
      assert.ok(existsSync(path), `${path} is missing: write it with UPDATE_CASES=1`);
      assert.equal(outputs[file], readFileSync(path, 'utf8'), `${name}/${file}`);
    }
    assert.deepEqual(readdirSync(join(ROOT, name)).toSorted(), ['in.yaml', ...OUTPUTS].toSorted());
  });
