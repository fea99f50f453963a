import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DiagnosticView } from '../../src/controller/views.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number | null;
  readonly tags: readonly string[];
  readonly told: string;
}

/** Runs `convert` to its end, with a text on stdin. */
function convert(args: readonly string[], input = ''): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'convert', ...args], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
  });
  return { code: status, tags: stdout.split('\n').slice(0, -1), told: stderr };
}

const labels = (...of: readonly string[]): readonly string[] => ['traefik.enable=true', ...of.map((label) => `traefik.http.${label}`)];

test('convert writes a Fabio tag as Traefik labels and leaves foreign tags where they are', () => {
  const { code, tags, told } = convert(['v1', 'urlprefix-h.io:80/a strip=/a', 'blue', '--to', 'traefik', '--service', 'web']);

  assert.equal(code, 0);
  assert.equal(tags[0], 'v1');
  assert.equal(tags.at(-1), 'blue');
  assert.deepEqual(
    tags.slice(1, -1).map((tag) => tag.replaceAll(/web-(?:[a-z]+-)?[0-9a-f]{8}/g, 'N')),
    labels(
      'routers.N.rule=Host(`h.io`) && PathPrefix(`/a`)',
      'routers.N.entrypoints=web',
      'routers.N.priority=3007002',
      'routers.N.middlewares=N',
      'middlewares.N.stripprefix.prefixes=/a',
    ),
  );
  assert.match(told, /3 tags: 1 converted, 2 not routing tags/);
});

test('convert reads each tag as what it is, and with --from only those of one dialect', () => {
  const given = [
    'https://a.io',
    'urlprefix-b.io:443/',
    ...labels('routers.c.rule=Host(`c.io`)', 'routers.c.entrypoints=websecure', 'routers.c.tls=true'),
  ];

  assert.deepEqual(convert([...given, '--to', 'hind']).tags, ['https://a.io', 'https://b.io', 'https://c.io']);
  assert.deepEqual(convert([...given, '--to', 'hind', '--from', 'fabio']).tags, ['https://a.io', 'https://b.io', ...given.slice(2)]);
});

test('convert says what is lost with a code, a caret and what to do, and ends with 4 under --strict', () => {
  const given = ['urlprefix-h.io:80/ weight=0.2', '--to', 'traefik'];
  const { code, told } = convert(given);

  assert.equal(code, 0);
  assert.match(told, /TRAEFIK_APPROXIMATED: [^\n]*share 0\.2[^\n]*\n[^\n]*tag 1\n\s+urlprefix-h\.io:80\/ weight=0\.2\n\s+\^+\n\s+hint: \S/);
  assert.equal(convert([...given, '--strict']).code, 4);
  assert.equal(convert(['https://h.io:8443', '--to', 'hind', '--strict']).code, 0);
});

test('convert keeps a tag that cannot be said, and says so', () => {
  const { code, tags, told } = convert(['urlprefix-:3306 proto=tcp', 'urlprefix-a.io:443/ lb=ip_hash', '--to', 'hind']);

  assert.equal(code, 0);
  assert.deepEqual(tags, ['urlprefix-:3306 proto=tcp', 'https://a.io']);
  assert.match(told, /HIND_UNSUPPORTED: Cannot say this in a HinD tag: instances that speak tcp; no tag is written/);
  assert.match(told, /2 tags: 1 converted, 1 kept as they are/);
});

test('convert ends with 1 where a tag itself is at fault', () => {
  const { code, tags, told } = convert(['urlprefix-h.io/ weight=abc', '--to', 'traefik']);

  assert.equal(code, 1);
  assert.deepEqual(tags, ['urlprefix-h.io/ weight=abc']);
  assert.match(told, /FABIO_WEIGHT_NOT_NUMBER/);
});

test('convert reads lines, JSON lists and services from stdin', () => {
  const expected = ['https://a.io', 'b'];

  assert.deepEqual(convert(['--to', 'hind'], 'urlprefix-a.io:443/\n\nb\n').tags, expected);
  assert.deepEqual(convert(['-', '--to', 'hind'], '"urlprefix-a.io:443/",\r\n"b"\r\n').tags, expected);
  assert.deepEqual(convert(['--to', 'hind'], '["urlprefix-a.io:443/", "b"]').tags, expected);
  assert.deepEqual(convert(['--to', 'hind'], '[{"Name": "web", "Tags": ["urlprefix-a.io:443/", "b"], "Port": 80}]').tags, expected);
  assert.deepEqual(convert(['--to', 'hind'], 'urlprefix-[[.prefix]]\n[[.version]]\n').tags, ['urlprefix-[[.prefix]]', '[[.version]]']);
  const broken = convert(['--to', 'hind'], '["urlprefix-a.io:443/"');
  assert.equal(broken.code, 2);
  assert.match(broken.told, /Cannot read tags: /);
});

test('convert --json gives tags, what became of each, and diagnostics', () => {
  const { stdout } = spawnSync(
    process.execPath,
    [MAIN, 'convert', 'urlprefix-a.io:443/', 'b', '--to', 'hind', '--service', 'web', '--json'],
    {
      encoding: 'utf8',
    },
  );
  const { diagnostics, ...rest } = JSON.parse(stdout) as { readonly diagnostics: readonly DiagnosticView[] };

  assert.deepEqual(rest, {
    service: 'web',
    to: 'hind',
    tags: ['https://a.io', 'b'],
    steps: [
      { tag: 'urlprefix-a.io:443/', dialect: 'fabio', kind: 'converted', written: ['https://a.io'] },
      { tag: 'b', kind: 'foreign', written: [] },
    ],
  });
  assert.deepEqual(
    diagnostics.map(({ code, service, tag, start, end }) => ({ code, service, tag, start, end })),
    Array.from({ length: 3 }, () => ({ code: 'HIND_APPROXIMATED', service: 'web', tag: 'urlprefix-a.io:443/', start: 10, end: 19 })),
  );
  assert.ok(diagnostics.every(({ hint }) => hint !== undefined));
});

test('convert --explain says what each tag asks for and what it becomes', () => {
  const { told, tags } = convert(['urlprefix-a.io:443/p proto=https', 'https://b.io', '--to', 'fabio', '--explain']);

  assert.deepEqual(tags, ['urlprefix-a.io:443/p proto=https', 'urlprefix-b.io:443/ lb=ip_hash']);
  assert.match(
    told,
    /urlprefix-a\.io:443\/p proto=https {2}is in that dialect already; stays\n {2}asks {4}TLS: a\.io\/p; to https instances, random/,
  );
  assert.match(
    told,
    /https:\/\/b\.io {2}hind\n {2}asks {4}TLS: b\.io\/; to http instances, ipHash\n {2}becomes urlprefix-b\.io:443\/ lb=ip_hash/,
  );
});

test('convert ends with 2 where it cannot know what is wanted', () => {
  for (const [args, message] of [
    [['a', '--to', 'nginx'], /--to "nginx": expected traefik, fabio, hind/],
    [['a', '--to', 'hind', '--from', 'x'], /--from "x"/],
    [['a'], /^Cannot do without --to <dialect>: expected traefik, fabio, hind$/m],
    [['a', '--form', 'fabio'], /unknown option '--form'[^]*Cannot do without --to <dialect>/],
    [['a', '--to', 'hind', '--form', 'fabio'], /^(?![^]*Cannot do without)[^]*unknown option '--form'/],
    [['--to', 'hind'], /none is given/],
    [['a', '--to', 'hind', '--port', '0'], /port "0": expected 1 to 65535/],
    [['traefik.enable=true', '--to', 'fabio'], /expected --service NAME/],
  ] as const) {
    const { code, told } = convert(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(told, message);
  }
  assert.deepEqual(convert(['traefik.enable=true', '--to', 'fabio', '--service', 'web']).tags, ['urlprefix-web.localhost/']);
});

test('convert counts a port of a label beside the registered one', () => {
  const given = [
    ...labels('routers.c.rule=Host(`c.io`)', 'routers.c.entrypoints=web', 'services.c.loadbalancer.server.port=8080'),
    '--to',
    'fabio',
  ];

  assert.deepEqual(convert([...given, '--port', '8080']).tags, ['urlprefix-c.io:80/']);
  assert.match(convert([...given, '--port', '80']).told, /FABIO_UNSUPPORTED: [^\n]*port 8080 in the place of the registered 80/);
  assert.deepEqual(convert(given).tags, given.slice(0, 4));
});

test('convert has help with examples', () => {
  const { code, tags } = convert(['--help']);

  assert.equal(code, 0);
  assert.match(tags.join('\n'), /Examples:\n {2}\$ hind-proxy convert 'urlprefix-/);
});
