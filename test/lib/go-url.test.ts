import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOfText, cleanPath, encodedPath, joined, parseGoUrl, requestUri, textOfBytes } from '../../src/lib/go-url.ts';

const urlOf = (target: string) => parseGoUrl(target) ?? assert.fail(target);

test('parseGoUrl() keeps the encoded path only where Go would write it in another way', () => {
  assert.deepEqual(parseGoUrl('/a%20b?x=1'), { path: '/a b', rawPath: '', query: 'x=1' });
  assert.deepEqual(parseGoUrl('/a%2Fb'), { path: '/a/b', rawPath: '/a%2Fb' });
  assert.deepEqual(parseGoUrl('/%C3%A9?'), { path: '/\u00c3\u00a9', rawPath: '', query: '' });
});

test('parseGoUrl() refuses broken escapes, control characters and relative targets', () => {
  for (const target of ['/%zz', '/%2', '/a\u0000', 'a', '']) assert.equal(parseGoUrl(target), undefined, target);
});

test('encodedPath() is the path as sent until the decoded one changes', () => {
  assert.equal(encodedPath(urlOf("/a%2fb/('x')")), "/a%2fb/('x')");
  assert.equal(encodedPath({ path: "/('x')", rawPath: '/old' }), '/%28%27x%27%29');
  assert.equal(requestUri({ path: '', rawPath: '', query: 'q' }), '/?q');
});

test('cleanPath() removes dot segments and doubled slashes and keeps a slash at the end', () => {
  assert.equal(cleanPath('/a//b/./c/../d/'), '/a/b/d/');
  assert.equal(cleanPath('/../..'), '/');
  assert.equal(cleanPath('/a/..//'), '/');
});

test('joined() cleans the encoded path, so that an encoded slash stays', () => {
  assert.equal(encodedPath(joined(urlOf('/a//b%2F/../c'))), '/a/c');
  assert.equal(encodedPath(joined(urlOf('//a%2Fb/'))), '/a%2Fb/');
});

test('textOfBytes() undoes bytesOfText()', () => {
  assert.equal(textOfBytes(bytesOfText('/\u00e9\u20ac')), '/\u00e9\u20ac');
});
