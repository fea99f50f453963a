import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { explainSteps } from '../../src/cli/convert-text.ts';
import { convertTags } from '../../src/dialects/convert.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { sourceId } from '../../src/model/names.ts';
import { parseServices } from '../../src/sources/service-file.ts';
import { CASE_DIALECTS, port as portOf } from '../support/intents.ts';
import { FORMATTERS } from '../support/formatters.ts';

/**
 * `conversions/NAME.txt` says what becomes of the services of `cases/NAME` in each dialect: what each tag asks for, what is written
 * instead, and every loss. `UPDATE_CASES=1 node --test test/dialects/conversions.test.ts` writes them anew; an empty file is a new one.
 */
const ROOT = join(import.meta.dirname, '../conversions');
const HTTPS = portOf(443);
const PLAIN = { style: (_style: string, text: string) => text };

function conversionsOf(input: string): string {
  const instances = parseServices(parseYaml(input), sourceId('file'));
  const sections = Object.values(FORMATTERS).flatMap((to) =>
    instances.map((instance) => {
      const { service, port } = instance;
      const context = { service, port, entryPoints: { plain: 'web', tls: 'websecure' }, httpsRedirect: { port: HTTPS } };
      const { value, diagnostics } = convertTags(instance, { dialects: CASE_DIALECTS, to, context });
      return [
        `== ${service} in ${to.name}`,
        ...explainSteps(value, PLAIN),
        ...value.tags.map((tag) => `= ${tag}`),
        ...diagnostics.map(
          ({ code, message, span, hint }) =>
            `! ${code} tag ${(span?.tagIndex ?? -1) + 1}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
        ),
      ].join('\n');
    }),
  );
  return `${sections.join('\n\n')}\n`;
}

for (const file of readdirSync(ROOT).toSorted())
  test(`services of case ${basename(file, '.txt')} are converted as their page says`, () => {
    const path = join(ROOT, file);
    const output = conversionsOf(readFileSync(join(import.meta.dirname, '../cases', basename(file, '.txt'), 'in.yaml'), 'utf8'));

    if (process.env['UPDATE_CASES'] === '1') writeFileSync(path, output);
    assert.equal(output, readFileSync(path, 'utf8'), file);
  });
