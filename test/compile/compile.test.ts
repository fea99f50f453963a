import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DiagnosticCode } from '../../src/model/codes.ts';
import { diagnose, tagSpan } from '../../src/model/diagnostic.ts';
import { exactHost } from '../../src/model/match.ts';
import { codesOf, compile, host, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

const asked = fc.record({
  service: fc.constantFrom('a', 'b', 'c'),
  number: fc.integer({ min: 1, max: 4 }),
  host: fc.constantFrom('h.io', 'i.io', '*'),
  path: fc.constantFrom('/', '/a', '/a/b'),
  dialect: fc.constantFrom('fabio' as const, 'hind' as const, 'traefik' as const),
  modifyIndex: fc.integer({ min: 1, max: 5 }),
});

const readings = fc.uniqueArray(asked, { selector: ({ service, number }) => `${service}-${number}`, maxLength: 12 }).map((list) =>
  list.map(({ service, number, host, path, dialect, modifyIndex }) => {
    const instance = instanceOf(service, { instance: `${service}-${number}`, address: `10.0.0.${number}`, modifyIndex });
    return readingOf(instance, intentOf(instance, matchOf(host, path), { dialect }));
  }),
);

test('buildTable() gives the same table when the readings come in another order', () => {
  fc.assert(
    fc.property(
      readings.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        const [first, second] = [compile(list), compile(shuffled)];
        assert.equal(first.value.table.digest, second.value.table.digest);
        assert.deepEqual(codesOf(first), codesOf(second));
      },
    ),
  );
});

test('buildTable() names the services with an error at a tag that gave no route', () => {
  const reading = (service: string, read: readonly number[], ...codes: readonly (readonly [DiagnosticCode, number?])[]) => {
    const instance = instanceOf(service, { tags: ['a', 'b'] });
    return {
      ...readingOf(
        instance,
        ...read.map((index) => intentOf(instance, matchOf(`${service}${index}.io`), { spans: [tagSpan(instance, index)] })),
      ),
      diagnostics: codes.map(([code, index]) => diagnose(code, 'x', index === undefined ? {} : { span: tagSpan(instance, index) })),
    };
  };
  const { unreadable } = compile([
    reading('mute', [0], ['FABIO_OPTION_UNKNOWN', 1], ['FABIO_HOST_GLOB', 1]),
    reading('warned', [0], ['FABIO_OPTION_UNKNOWN', 1]),
    reading('faulty', [0, 1], ['FABIO_WEIGHT_NOT_NUMBER', 1]),
    reading('nowhere', [0], ['FABIO_HOST_GLOB']),
    reading('well', []),
  ]).value;

  assert.deepEqual(
    [...unreadable].map((key) => /\w+(?=\W*$)/.exec(key)?.[0]),
    ['mute'],
  );
});

test('buildTable() numbers routes by rank and keeps every backend that a route uses', () => {
  fc.assert(
    fc.property(readings, (list) => {
      const { routes, backends } = compile(list).value.table;
      assert.deepEqual(
        routes.map(({ rank }) => rank),
        [...routes.keys()],
      );
      const ids = new Set(backends.map(({ id }) => id));
      for (const { action } of routes) if (action.kind === 'forward') assert.ok(ids.has(action.backend));
    }),
  );
});

test('buildTable() serves the part beside a route without a word, and leaves it out where no entry point fits', () => {
  const instance = instanceOf('a', { health: 'critical' });
  const plain = intentOf(instance, matchOf('h.io'), { entryPoints: { kind: 'plain' } });
  const beside = intentOf(
    instance,
    { ...matchOf('h.io'), host: exactHost(host('h.io'), port(80)) },
    { entryPoints: { kind: 'tls', secondary: true } },
  );
  const [withTls, without] = [true, false].map((tls) => compile([readingOf(instance, plain, beside)], { tls }));

  assert.deepEqual(withTls?.value.table.routes.flatMap(({ entryPoints }) => entryPoints).toSorted(), ['web', 'websecure']);
  assert.deepEqual(without?.value.table.routes.length, 1);
  for (const compiled of [withTls, without]) assert.deepEqual(compiled && codesOf(compiled), ['ROUTE_UNHEALTHY']);
});
