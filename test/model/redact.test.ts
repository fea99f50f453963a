import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/cli/print.ts';
import { diagnosticView, routeViews, serviceViews } from '../../src/controller/views.ts';
import { diagnose, tagSpan } from '../../src/model/diagnostic.ts';
import { redactedDiagnostic, redactedSpan, redactedTag, redactedText } from '../../src/model/redact.ts';
import { instanceOf } from '../support/intents.ts';
import { routeOf, tableOf } from '../support/tables.ts';

const HASH = '$2y$10$abcdefghijklmnopqrstuuzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz';
const KEY = 'traefik.http.middlewares.a.basicAuth.users';
const TAG = `${KEY}=eve:${HASH},bob:${HASH}`;

test('redactedTag() hides the users of basic and digest authentication, however the label is spelled', () => {
  assert.equal(redactedTag(TAG), `${KEY}=[redacted]`);
  assert.equal(
    redactedTag('Traefik.HTTP.Middlewares.a.DigestAuth.Users[0] = eve:realm:0123'),
    'Traefik.HTTP.Middlewares.a.DigestAuth.Users[0] =[redacted]',
  );
  assert.equal(
    redactedTag('traefik.http.middlewares.a.basicauth.usersfile=/etc/users'),
    'traefik.http.middlewares.a.basicauth.usersfile=/etc/users',
  );
  assert.equal(redactedTag('urlprefix-h/ auth=users'), 'urlprefix-h/ auth=users');
});

test('redactedTag() hides hashes in any other tag', () => {
  assert.equal(redactedTag(`note eve:${HASH.replaceAll('$', '$$$$')} end`), 'note eve:[redacted] end');
  assert.equal(redactedTag('eve:$apr1$abcdefgh$0123456789012345678901'), 'eve:[redacted]');
  assert.equal(redactedTag('eve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='), 'eve:[redacted]');
});

test('redactedSpan() moves the offsets to where the same part is shown', () => {
  const at = (start: number, end: number): readonly number[] => {
    const span = redactedSpan({ tag: TAG, start, end });
    return [span.start, span.end];
  };
  const value = KEY.length + 1;

  assert.deepEqual(at(0, 7), [0, 7]);
  assert.deepEqual(at(0, TAG.length), [0, value + 10]);
  assert.deepEqual(at(value + 4, value + 20), [value, value + 10]);
  assert.deepEqual(redactedSpan({ tag: `a ${HASH} b`, start: HASH.length + 3, end: HASH.length + 4 }), {
    tag: 'a [redacted] b',
    start: 13,
    end: 14,
  });
});

test('redactedDiagnostic() hides hashes in tags, sentences and the other sides', () => {
  const instance = instanceOf('web', { tags: [TAG] });
  const span = tagSpan(instance, 0);
  const diagnostic = diagnose('TRAEFIK_LABEL_VALUE', `Cannot use "eve:${HASH}": unreadable`, { span, hint: HASH, related: [span] });

  const shown = JSON.stringify(redactedDiagnostic(diagnostic));

  assert.ok(!shown.includes('abcdefghij'));
  assert.match(redactedDiagnostic(diagnostic).message, /^Cannot use "\[redacted\]": unreadable$/);
});

test('redactedText() hides what a tag keeps secret even where it looks like no hash', () => {
  const tag = `${KEY}=eve:hunter2,bob:12`;

  assert.equal(redactedText('Cannot read "hunter2" of "bob:12"', [tag]), 'Cannot read "[redacted]" of "[redacted]"');
});

test('no view shows a hash', () => {
  const instance = instanceOf('web', { tags: [TAG] });
  const span = tagSpan(instance, 0);
  const diagnostic = diagnose('TRAEFIK_LABEL_VALUE', `Cannot use "${TAG}"`, { span, related: [span] });
  const table = tableOf([routeOf('web', 'h.io', '/', { spans: [span] })]);

  const shown = JSON.stringify([
    routeViews(table, { held: [], diagnostics: [diagnostic] }),
    serviceViews([instance]),
    diagnosticView(diagnostic),
    formatDiagnostic(diagnostic, { style: (_style, text) => text }),
  ]);

  assert.ok(!shown.includes('abcdefghij'), shown);
});
