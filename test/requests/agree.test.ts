import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { sourceId } from '../../src/model/names.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { parseServices } from '../../src/sources/service-file.ts';
import type { AskedRequest } from '../../src/verify/request.ts';
import { requestsOf } from '../../src/verify/requests.ts';
import { CASE_DIALECTS, OPTIONS } from '../support/intents.ts';
import { startEchoes, startLab, type Lab, type RealAnswer } from './lab.ts';
import { answersOf, modelOf, TRUSTED_PROXY, type ExpectedAnswer } from './model.ts';
import { readVectors, VECTORS, vectorTable, type VectorRequest } from './vectors.ts';

/**
 * The evaluation of a request says what the real proxy does with it: for every request of the vectors and for generated requests to every
 * golden case, model and proxy must agree on status, place of a redirect, instance, and the path and host that it gets.
 */

const CASES = join(import.meta.dirname, '../cases');
const skip: string | false = VECTORS === undefined && 'SKIPPED: needs the vectors in ../shared/vectors or VECTORS_DIR';

for (const server of SERVERS) {
  test(`evaluate() says what ${server} answers to the requests of the vectors`, { skip }, async (t) => {
    const lab = await startLab(t, server);
    if (!lab) return;
    const echoes = startEchoes(t, certificateOf(lab));
    for (const vector of readVectors()) {
      const requests = vector.requests.flatMap((request) => askedOf(request) ?? []);
      const table = await echoes.standIn(vectorTable(vector, lab.settings.entryPoints).value);
      await agree(lab, { name: vector.id, table, requests });
    }
  });

  test(`evaluate() says what ${server} answers to requests for the golden cases`, async (t) => {
    const lab = await startLab(t, server);
    if (!lab) return;
    const echoes = startEchoes(t, certificateOf(lab));
    for (const name of readdirSync(CASES)) {
      const table = await echoes.standIn(caseTable(name, lab));
      await agree(lab, { name, table, requests: requestsOf(table, lab.settings.entryPoints, { odd: true, trusted: TRUSTED_PROXY }) });
    }
  });
}

async function agree(
  lab: Lab,
  { name, table, requests }: { readonly name: string; readonly table: RoutingTable; readonly requests: readonly AskedRequest[] },
): Promise<void> {
  await lab.serve(table);
  for (const request of requests) {
    const expected = answersOf(modelOf(table, request, lab.target, lab.settings), request);
    const real = await lab.ask(request);
    const told = `${name} on ${lab.target.server}: ${JSON.stringify(request)}`;
    assert.ok(
      expected.some((answer) => isSame(answer, real)),
      `${told}\nmodel: ${JSON.stringify(expected)}\nproxy: ${JSON.stringify(real)}`,
    );
  }
}

function isSame(expected: ExpectedAnswer, { status, location, echo }: RealAnswer): boolean {
  if (expected.status !== status || expected.location !== location) return false;
  if (!echo) return expected.instances.length === 0;
  return (
    expected.instances.includes(echo.instance) &&
    expected.path === echo.path &&
    (expected.host ?? echo.instance) === echo.host &&
    expected.prefix === echo.prefix
  );
}

/** A request of a vector over http or https; undefined for other kinds, and for one without a host, which Node's programs refuse. */
function askedOf({
  scheme,
  host = '',
  path = '/',
  method = 'GET',
  headers = {},
  from,
  sni,
  port,
}: VectorRequest): AskedRequest | undefined {
  if ((scheme !== 'http' && scheme !== 'https') || host === '' || !parseGoUrl(path)) return undefined;
  return {
    entryPoint: port === 8443 ? 'alt' : scheme === 'https' ? 'websecure' : 'web',
    host,
    path,
    method,
    headers: Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => ({ name, value }))),
    from: from ?? '127.0.0.1',
    ...(sni !== undefined && { sni }),
  };
}

function caseTable(name: string, { settings }: Lab): RoutingTable {
  const source = sourceId('file');
  const options = { ...OPTIONS, entryPoints: settings.entryPoints };
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile: options, primary: sourceId('nomad'), merge: 'primary-wins' });
  const instances = parseServices(parseYaml(readFileSync(join(CASES, name, 'in.yaml'), 'utf8')), source);
  return pipeline.compile([{ source, revision: '0', observedAtMs: 0, local: true, instances }], new Map()).value.table;
}

function certificateOf({ settings }: Lab): { readonly cert: string; readonly key: string } {
  return settings.traefik.defaultCertificate;
}
