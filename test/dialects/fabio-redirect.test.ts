import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedirect, withPathChanges } from '../../src/dialects/fabio/redirect.ts';

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

/** What a tag says of target, `strip` and `prepend`, and what Fabio (1.7.3) puts in the place of `$path`. */
const CHANGED: readonly (readonly [string, string | undefined, string | undefined, string | undefined])[] = [
  ['https://y.io/new$path', '/old', undefined, 'https://y.io/new<path but /old>'],
  ['https://y.io/new$path/z?a=1', '/old', '/p', 'https://y.io/new/p<path but /old>/z?a=1'],
  ['https://y.io/new$path', undefined, 'p q', 'https://y.io/newp%20q<path>'],
  ['https://y.io$path', '/old', 'p', 'https://y.io/p<path but /old>'],
  ['https://$host$path', '/old', '/p', 'https://<host>/p<path but /old>'],
  ['/new$path', '/old', undefined, '/new<path but /old>'],
  // a slash begins what is left, as where an instance is asked
  ['https://y.io$path', '/old', undefined, undefined],
  ['https://$host$path', '/old', undefined, undefined],
  ['/$path', '/old', undefined, undefined],
  ['https://y.io/new$path', '/old', '/p/', undefined],
  ['https://y.io/new$path', undefined, undefined, undefined],
  ['https://y.io/new', '/old', '/p', undefined],
];

for (const [url, strip, prepend, expected] of CHANGED)
  test(`withPathChanges() leads by ${url}, strip ${strip} and prepend ${prepend} to ${expected}`, () => {
    const redirect = parseRedirect('301', url);
    assert.ok('to' in redirect);

    const changed = withPathChanges(redirect, { strip, prepend });

    const text = changed?.to.map((part) =>
      part.kind === 'text' ? part.text : part.kind === 'path' && part.strip !== undefined ? `<path but ${part.strip}>` : `<${part.kind}>`,
    );
    assert.equal(text?.join(''), expected);
  });
