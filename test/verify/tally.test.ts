import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../src/verify/answer.ts';
import { compareSides, type Side } from '../../src/verify/compare.ts';
import { partDifferences, partsOf, type Difference } from '../../src/verify/differences.ts';
import type { AskedRequest } from '../../src/verify/request.ts';

const REQUEST: AskedRequest = { entryPoint: 'web', host: 'a.test', path: '/', method: 'GET', headers: [], from: '127.0.0.1' };

function answerOf(instance: string, overrides: Partial<Answer> = {}): Answer {
  const echo = { instance, protocol: 'http', method: 'GET', path: '/', host: 'a.test', headers: [] };
  return { status: 200, headers: [], body: '', echo, ...overrides };
}

/** A side whose answers come one after the other, again and again. */
function inTurn(...answers: readonly Answer[]): Side {
  let next = 0;
  return {
    async ask() {
      const answer = answers[next % answers.length] ?? answerOf('none');
      next += 1;
      return answer;
    },
  };
}

test('partsOf() leaves out what a proxy says of itself', () => {
  const old = answerOf('a', {
    headers: [
      ['server', 'Caddy'],
      ['x-team', 'web'],
      ['set-cookie', 'at=1; Path=/; HttpOnly'],
    ],
  });
  const fresh = answerOf('a', {
    headers: [
      ['date', 'now'],
      ['X-Team'.toLowerCase(), 'shop'],
      ['set-cookie', 'at=2; HttpOnly; Path=/'],
    ],
  });
  const refused = { status: 401, headers: [['www-authenticate', 'Basic realm="traefik"']], body: 'x' } as const;
  const refusedToo = { status: 401, headers: [['www-authenticate', 'basic realm="restricted"']], body: 'y' } as const;

  const differences = (one: Answer, other: Answer): readonly Difference[] =>
    partDifferences(partsOf(one, 'echoes'), partsOf(other, 'echoes'));
  assert.deepEqual(differences(old, fresh), [{ what: 'answer header x-team', old: 'web', new: 'shop' }]);
  assert.deepEqual(differences(refused, refusedToo), []);
});

test('compareSides() compares shares where several instances answer, and looks again before it believes a difference', async () => {
  const [a, b] = [answerOf('a'), answerOf('b')];
  const signal = AbortSignal.timeout(10_000);
  const compare = async (old: Side, fresh: Side, times = 0): Promise<readonly string[]> => {
    const found = await compareSides([REQUEST], { old, new: fresh }, { timesOf: () => times, signal });
    return found.flatMap((one) => one.differences.map(({ what, old: before, new: after }) => `${what}: ${before} → ${after}`));
  };

  assert.deepEqual(await compare(inTurn(a, b), inTurn(b, a)), []);
  assert.deepEqual(await compare(inTurn(a, b), inTurn(a, b), 40), []);
  assert.deepEqual(await compare(inTurn(a, b), inTurn(a), 40), ['instance: a (50 %), b (50 %) → a']);
  assert.deepEqual(await compare(inTurn(a, a, a, b), inTurn(a, b, b, b), 100), ['instance: a (75 %), b (25 %) → a (25 %), b (75 %)']);
  assert.deepEqual(await compare(inTurn(a), inTurn(b)), ['instance: a → b']);
  assert.deepEqual(await compare(inTurn(a), inTurn({ status: 0, headers: [], body: '', failure: 'reset' }, a, a, a, a, a, a)), []);
  assert.deepEqual(await compare(inTurn(a), inTurn({ status: 404, headers: [], body: '' })), ['status: 200 → 404']);
});
