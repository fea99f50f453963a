import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedirect } from '../../src/dialects/fabio/redirect.ts';

/** Code and URL of a tag, and what Fabio (1.7.3) redirects to; `<path>` and `<host>` stand for the request's. */
const TARGETS: readonly (readonly [string, string, string])[] = [
  ['301', 'https://y.io/', '301 https://y.io/'],
  ['301', 'https://y.io', '301 https://y.io/'],
  ['301', 'https://y.io?a=1', '301 https://y.io/?a=1'],
  ['+302', 'HTTP://Y.io:81/a', '302 http://Y.io:81/a'],
  ['399', 'http://u:p@y.io/a(b)?q=1#f', '399 http://y.io/a(b)?q=1'],
  ['301', 'https://y.io$path', '301 https://y.io<path>'],
  ['301', 'https://y.io$path/z', '301 https://y.io<path>'],
  ['301', 'https://y.io/$path', '301 https://y.io<path>'],
  ['301', 'https://y.io/b/$path/c', '301 https://y.io/b<path>/c'],
  ['301', 'https://y.io/$path$path?x=$path', '301 https://y.io<path>$path?x=$path'],
  ['308', 'https://$host$path', '308 https://<host><path>'],
  ['308', 'https://www.$host/$host', '308 https://www.<host>/$host'],
  ['301', 'https://$host:8443/', '301 https://<host>:8443/'],
  ['301', '/l/x/../y/', '301 /l/y/'],
  ['301', '/l/./y', '301 /l/y'],
  ['301', '/..//', '301 /'],
  ['301', '/l$path', '301 /l<path>'],
  ['301', 'https://y.io/%20"z', '301 https://y.io/%20%22z'],
  ['301', 'https://y.io/a%2Fb', '301 https://y.io/a/b'],
  ['301', 'https://y.io/a%25b', '301 https://y.io/a%25b'],
];

for (const [code, url, expected] of TARGETS)
  test(`parseRedirect() leads where Fabio does when the tag says ${code},${url}`, () => {
    const redirect = parseRedirect(code, url);
    assert.ok('to' in redirect, JSON.stringify(redirect));
    const text = redirect.to.map((part) => (part.kind === 'text' ? part.text : `<${part.kind}>`)).join('');
    assert.equal(`${redirect.status} ${text}`, expected);
  });

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['200', 'https://y.io/', 'FABIO_REDIRECT_CODE'],
  ['400', 'https://y.io/', 'FABIO_REDIRECT_CODE'],
  ['abc', 'https://y.io/', 'FABIO_REDIRECT_CODE'],
  ['', 'https://y.io/', 'FABIO_REDIRECT_CODE'],
  ['301', '://', 'FABIO_REDIRECT_FORM'],
  ['301', 'y.io', 'FABIO_REDIRECT_FORM'],
  ['301', '//y.io/', 'FABIO_REDIRECT_FORM'],
  ['301', 'ftp://y.io/', 'FABIO_REDIRECT_FORM'],
  ['301', 'javascript:alert(1)', 'FABIO_REDIRECT_FORM'],
  ['301', 'https:///x', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://$path', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io:99999/', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io:81$path', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y{x}.io/', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io/%zz', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io/%2g', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io/%0d%0a', 'FABIO_REDIRECT_FORM'],
  ['301', 'https://y.io/?a={x}', 'FABIO_REDIRECT_FORM'],
];

for (const [code, url, expected] of REFUSED)
  test(`parseRedirect() refuses ${code},${url}`, () => {
    const redirect = parseRedirect(code, url);
    assert.equal('code' in redirect && redirect.code, expected);
  });
