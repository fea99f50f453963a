import assert from 'node:assert/strict';
import { test } from 'node:test';
import { troubleTeller } from '../../src/cli/tell-troubles.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { diagnose, tagSpan, type Diagnostic } from '../../src/model/diagnostic.ts';
import { instanceOf } from '../support/intents.ts';

/** A tag of a service that is wrong on one of its instances. */
function wrongTag(service: string, instance = `${service}-1`): Diagnostic {
  const span = tagSpan(instanceOf(service, { instance, tags: [`urlprefix-${service}.test/ weight=abc`] }), 0);
  return diagnose('FABIO_WEIGHT_NOT_NUMBER', 'Cannot use the weight', { span });
}

test('troubleTeller() tells of each wrong tag once, of many in one line, and again of one that was repaired meanwhile', () => {
  const events: string[] = [];
  const log: Log = {
    ...silentLog,
    warn(fields) {
      const { event, service, more } = fields as { event: string; service?: string; more?: number };
      events.push([event, service ?? more].join(' '));
    },
  };
  const tell = troubleTeller({ log, proxy: 'edge' });
  const told = (diagnostics: readonly Diagnostic[]): readonly string[] => {
    events.length = 0;
    tell({ diagnostics, held: [] });
    return [...events];
  };

  assert.deepEqual(told([wrongTag('a'), wrongTag('a', 'a-2')]), ['tag_error a']);
  assert.deepEqual(told([wrongTag('a', 'a-3'), wrongTag('b')]), ['tag_error b']);
  assert.deepEqual(told([]), []);
  assert.deepEqual(told([wrongTag('a')]), ['tag_error a']);
  const many = Array.from({ length: 12 }, (_, at) => wrongTag(`s${at}`));
  assert.deepEqual(told(many).slice(-2), ['tag_error s9', 'tag_errors 2']);
  assert.deepEqual(told(many), []);
});
