import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware } from '../../src/model/middleware.ts';
import { isBreakerExpression, isRetryExpression } from '../../src/targets/traefik/expression.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

const BREAKERS: readonly string[] = [
  'NetworkErrorRatio() > 0.5',
  'LatencyAtQuantileMS(50.0) > 100',
  'ResponseCodeRatio(500, 600, 0, 600) >= 0.25',
  '(NetworkErrorRatio() > 0.5 && LatencyAtQuantileMS(99.9)>=100) || ResponseCodeRatio(500,600,0,600) != 0.25',
  'NetworkErrorRatio() > 0.5  &&\tNetworkErrorRatio() < 0.9||NetworkErrorRatio() == 1.0',
  '((NetworkErrorRatio()==0.5)) || NetworkErrorRatio( ) < 0.1 || NetworkErrorRatio() <= 0.1',
];
const RETRIES: readonly string[] = [
  'IsNetworkError()',
  'IsNetworkError() && Attempts() < 2',
  'RequestMethod() == "GET" && (ResponseCode() == 503 || IsNetworkError()) && Attempts() <= 3',
];
const NEITHER: readonly string[] = [
  '',
  '()',
  '§',
  'true',
  'NetworkErrorRatio()',
  'NetworkErrorRatio() > 1',
  'NetworkErrorRatio() > 0.5 &&',
  '(NetworkErrorRatio() > 0.5',
  '!(NetworkErrorRatio() > 0.5)',
  'NetworkErrorRatio() > 0.5 NetworkErrorRatio() > 0.5',
  'LatencyAtQuantileMS(50) > 100',
  'LatencyAtQuantileMS(50.0) > 100.0',
  'ResponseCodeRatio(500, 600) > 0.25',
  'Attempts() < "2"',
  'RequestMethod() < "GET"',
  'RequestMethod() == GET',
  '('.repeat(2000),
  `${'NetworkErrorRatio() > 0.5 && '.repeat(40)}NetworkErrorRatio() > 0.5`,
];

test('isBreakerExpression() and isRetryExpression() take what Traefik takes', async (t) => {
  for (const text of BREAKERS) assert.deepEqual([isBreakerExpression(text), isRetryExpression(text)], [true, false], text);
  for (const text of RETRIES) assert.deepEqual([isBreakerExpression(text), isRetryExpression(text)], [false, true], text);
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const middlewares: readonly Middleware[] = [
    ...BREAKERS.map((expression) => ({ kind: 'circuitBreaker', expression }) as const),
    ...RETRIES.map((retryExpression) => ({ kind: 'buffering', retryExpression }) as const),
  ];
  const routes = middlewares.map((middleware, index) =>
    routeOf(`r${index}`, `r${index}.io`, '/', { middlewares: [middleware], action: to('a') }),
  );

  assert.deepEqual(await serveTable(traefik, tableOf(routes, poolOf('a', [1]))), []);
});

test('isBreakerExpression() and isRetryExpression() refuse the rest', () => {
  for (const text of NEITHER) assert.deepEqual([isBreakerExpression(text), isRetryExpression(text)], [false, false], text.slice(0, 60));
});
