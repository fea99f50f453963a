import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf, readAccessLog, readRequestList } from '../../src/verify/access-log.ts';

test('readAccessLog() reads every format, counts what is asked again, and names lines that are no requests', async () => {
  const lines = [
    '10.0.0.9 - - [26/Nov/2026:10:00:00 +0000] "GET /a?x=1 HTTP/1.1" 200 12',
    '10.0.0.9 - bob [26/Nov/2026:10:00:01 +0000] "GET /a?x=1 HTTP/2.0" 200 12 "https://r.test/" "curl/8"',
    '10.0.0.9 - - [26/Nov/2026:10:00:02 +0000] "POST /b HTTP/1.1" 200 12 "-" "-" 7 "web@file" "http://10.0.0.1:80" 3ms',
    'Shop.test:443 10.0.0.9 - - [26/Nov/2026:10:00:02 +0000] "GET /c HTTP/1.1" 200 12',
    '{"level":"info","logger":"http.log.access","request":{"method":"GET","host":"app.test","uri":"/d?y=2","tls":{"version":772}},"status":200}',
    '{"RequestMethod":"GET","RequestPath":"/e","RequestHost":"api.test","RequestAddr":"api.test:8080","RequestScheme":"http"}',
    'no request at all',
    '{"level":"info","msg":"started"}',
    '',
  ];

  const { requests, unread, unreadCount } = await readAccessLog(lines);

  assert.deepEqual(requests, [
    { method: 'GET', path: '/a?x=1', times: 2 },
    { method: 'POST', path: '/b', times: 1 },
    { method: 'GET', path: '/c', scheme: 'https', host: 'shop.test', times: 1 },
    { method: 'GET', path: '/d?y=2', scheme: 'https', host: 'app.test', times: 1 },
    { method: 'GET', path: '/e', scheme: 'http', host: 'api.test:8080', times: 1 },
  ]);
  assert.deepEqual([unread.map(({ line }) => line), unreadCount], [[7, 8], 2]);
});

test('linesOf() keeps no more of a line than shows that it is no request', async () => {
  async function* pieces(): AsyncGenerator<string> {
    yield 'GET a.te';
    yield 'st/x\r\nGET a.test/';
    for (let count = 0; count < 3000; count += 1) yield 'y'.repeat(65_536);
    yield '\nGET a.test/z';
  }

  const { requests, unread, unreadCount } = await readRequestList(linesOf(pieces()));

  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/x', '/z'],
  );
  assert.deepEqual([unread.map(({ line }) => line), unreadCount], [[2], 1]);
});

test('readRequestList() reads lines and objects', async () => {
  const { requests, unreadCount } = await readRequestList([
    '# what the shop lives of',
    'https://shop.test/cart?id=1',
    'delete shop.test',
    'GET http://shop.test/api\tX-Version: 2\tAccept: text/html',
    '{"url": "https://shop.test/x", "method": "post", "headers": {"X-A": "1"}}',
    '{"method": "GET"}',
  ]);

  assert.deepEqual(
    requests.map(({ times: _times, ...request }) => request),
    [
      { method: 'GET', scheme: 'https', host: 'shop.test', path: '/cart?id=1' },
      { method: 'DELETE', host: 'shop.test', path: '/' },
      { method: 'GET', headers: ['X-Version: 2', 'Accept: text/html'], scheme: 'http', host: 'shop.test', path: '/api' },
      { method: 'POST', headers: ['X-A: 1'], scheme: 'https', host: 'shop.test', path: '/x' },
    ],
  );
  assert.equal(unreadCount, 1);
});
