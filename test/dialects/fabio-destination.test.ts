import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDestination, type Destination } from '../../src/dialects/fabio/destination.ts';
import { lexTag } from '../../src/dialects/fabio/lex.ts';

interface Found {
  readonly value: Destination;
  /** `CODE at: text of the option`. */
  readonly notes: readonly string[];
}

function destinationOf(options: string): Found {
  const tag = `urlprefix-/ ${options}`;
  const lexed = lexTag(tag, 'urlprefix-');
  assert.ok(lexed);
  const { value, notes } = readDestination(lexed.options);
  return { value, notes: notes.map(({ code, token }) => `${code} at ${token.text}`) };
}

const othersOf = (options: string): readonly string[] =>
  [...destinationOf(options).value.others.values()].map(({ key, value }) => `${key}=${value}`);

test('readDestination() takes the last protocol that Fabio knows', () => {
  const spoken = ['', 'proto=https', 'proto=grpc proto=grpcs', 'proto=tcp', 'proto=https proto=spdy', 'proto=HTTPS'].map(
    (options) => destinationOf(options).value.protocol,
  );

  assert.deepEqual(spoken, ['http', 'https', 'grpcs', 'tcp', 'https', 'http']);
});

test('readDestination() tells of an option that a later one of the same key replaces, and of no other', () => {
  const told = [
    'proto=https proto=tcp',
    'weight=1 weight=2',
    'strip=/a strip=/b',
    'redirect=301,https://a.io/ redirect=302,https://b.io/',
    'proto=https proto=spdy',
    'weight=1 weight',
    'proto=spdy strip=/a',
    'weight=1 strip=/a',
  ].map((options) => destinationOf(options).notes);

  const twice = 'FABIO_OPTION_DUPLICATE at ';
  assert.deepEqual(told, [
    [`${twice}proto=https`],
    [`${twice}weight=1`],
    [`${twice}strip=/a`],
    [`${twice}redirect=301,https://a.io/`],
    [],
    [],
    [],
    [],
  ]);
});

test('readDestination() leaves options without effect of their own to those who look at the others, with backslashes doubled', () => {
  assert.deepEqual(othersOf('strip=/a proto=spdy weight host=x\\y strip=/b'), ['strip=/b', 'proto=spdy', 'weight=', 'host=x\\\\y']);
  assert.deepEqual(othersOf('proto=https weight=1 redirect=301,https://a.io/'), []);
});

test('readDestination() reads weights as Go does', () => {
  const shares = ['0.2', '1', '+.5', '5.', '1e-2', '0', '-1', ''].map((text) => destinationOf(`weight=${text}`).value.share);
  assert.deepEqual(shares, [0.2, 1, 0.5, 5, 0.01, undefined, undefined, undefined]);
  for (const text of ['abc', '1x', 'x1', '1e', '0x1', '1e999', '.'])
    assert.deepEqual(destinationOf(`weight=${text}`).notes, [`FABIO_WEIGHT_NOT_NUMBER at weight=${text}`], text);
});

test('readDestination() lets the later of a protocol and a redirect be the target', () => {
  const redirected = destinationOf('proto=https redirect=301,https://a.io/');
  assert.deepEqual([redirected.value.protocol, redirected.value.redirect?.status, redirected.notes], ['http', 301, []]);

  const spoken = destinationOf('redirect=301,https://a.io/ proto=https');
  assert.deepEqual([spoken.value.protocol, spoken.notes], ['https', ['FABIO_REDIRECT_PROTO at proto=https']]);
});

test('readDestination() refuses a redirect that is no code and URL', () => {
  const refused = (value: string): readonly unknown[] => {
    const { value: found, notes } = destinationOf(`redirect=${value}`);
    return [found.redirect, notes];
  };

  for (const value of ['301', '301,', '301,https://a.io/,b'])
    assert.deepEqual(refused(value), [undefined, [`FABIO_REDIRECT_FORM at redirect=${value}`]], value);
  assert.deepEqual(refused('200,https://a.io/'), [undefined, ['FABIO_REDIRECT_CODE at redirect=200,https://a.io/']]);
});
