import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '@cdktn/hcl2json';
import { createConverter } from '../../src/cli/conversion.ts';
import { loadConfig } from '../../src/config/load.ts';
import { rawText } from '../../src/jobfiles/job-file.ts';
import { readJobFile, type FileForm } from '../../src/jobfiles/read.ts';
import { rewriteFile, type Convert, type Rewritten, type RewriteMode } from '../../src/jobfiles/rewrite.ts';
import { DIALECTS, type DialectName } from '../../src/model/route.ts';
import { CORPUS } from '../corpus/entries.ts';
import { FORMS } from './forms.ts';

const { config } = loadConfig({ env: {} });
const CONVERT: Readonly<Record<DialectName, Convert>> = {
  fabio: createConverter(config, { to: 'fabio' }),
  hind: createConverter(config, { to: 'hind' }),
  traefik: createConverter(config, { to: 'traefik' }),
};

async function rewritten(
  text: string,
  { form, to, mode }: { readonly form: FileForm; readonly to: DialectName; readonly mode: RewriteMode },
): Promise<Rewritten> {
  return rewriteFile(text, await readJobFile(text, form), { mode, convert: CONVERT[to] });
}

async function tagsOf(text: string, form: FileForm): Promise<readonly string[]> {
  return (await readJobFile(text, form)).lists.flatMap(({ elements }) => elements.map(({ pieces }) => rawText(pieces)));
}

/** The document as HashiCorp's own parser reads it, without the tags. */
async function withoutTags(text: string): Promise<string> {
  const document: unknown = await parse('file.hcl', text.replace('\uFEFF', '').replaceAll(/\[\[.*?\]\]/g, ''));
  return JSON.stringify(document, (key, value: unknown) => (key === 'tags' ? undefined : value));
}

for (const { name, form, write } of FORMS) {
  for (const to of DIALECTS) {
    test(`rewriteFile() of every list of the corpus to ${to} in ${name} changes tags alone, and once`, async () => {
      for (const { name: entry, tags } of CORPUS) {
        const before = write(tags);
        const plain = CONVERT[to]({ service: 'web', port: 8080, tags }).value;
        for (const mode of ['add', 'replace'] as const) {
          const { text, findings } = await rewritten(before, { form, to, mode });
          const again = await rewritten(text, { form, to, mode });
          assert.equal(again.text, text, `entry ${entry}, ${mode}: a second run changed something`);
          const after = await tagsOf(text, form);
          if (mode === 'add')
            assert.deepEqual(
              tags.filter((tag) => !after.includes(tag)),
              [],
              `entry ${entry}: a tag was lost`,
            );
          else if (!findings.some(({ code }) => code === 'FILE_INTERPOLATION') && !tags.some((tag) => /[{[]/.test(tag)))
            assert.deepEqual(after, plain.tags, `entry ${entry}`);
          if (form === 'hcl') assert.equal(await withoutTags(text), await withoutTags(before), `entry ${entry}, ${mode}`);
        }
      }
    });
  }
}

/** New elements stand behind a comma and a blank, however the others do. */
function tight(text: string): string {
  return text.replaceAll(/, +/g, ',');
}

test('rewriteFile() of the corpus from Fabio to Traefik and back gives the same file, or says with a code what differs', async () => {
  for (const { name, tags } of CORPUS.filter((entry) => entry.tags.some((tag) => tag.startsWith('urlprefix-'))))
    for (const { name: file, form, write } of FORMS) {
      const before = write(tags);
      const there = await rewritten(before, { form, to: 'traefik', mode: 'replace' });
      const back = await rewritten(there.text, { form, to: 'fabio', mode: 'replace' });
      const codes = [...there.findings, ...back.findings].map(({ code }) => code);
      if (codes.length === 0) assert.equal(tight(back.text), tight(before), `entry ${name} in ${file}`);
    }
});

const service = (...tags: readonly string[]): string => `service {\n  name = "web"\n  tags = [${tags.join(', ')}]\n}\n`;

test('rewriteFile() keeps what is filled in later as it is written', async () => {
  const { text } = await rewritten(service('"urlprefix-${var.host}/[[ .path ]] strip=/[[ .path ]]"'), {
    form: 'hcl',
    to: 'traefik',
    mode: 'replace',
  });
  assert.match(text, /rule=Host\(`\$\{var\.host\}`\) && PathPrefix\(`\/\[\[ \.path \]\]`\)/);
  assert.match(text, /stripprefix\.prefixes=\/\[\[ \.path \]\]/);
});

test('rewriteFile() keeps what of the name of a service is filled in later in the names of routers and in default hosts', async () => {
  const named = (name: string, tag: string): string => `service {\n  name = "${name}"\n  tags = ["${tag}"]\n}\n`;
  const options = { form: 'hcl', mode: 'add' } as const;
  const job = named('[[ .name ]]-web', 'urlprefix-[[ .host ]]/');

  const once = await rewritten(job, { ...options, to: 'traefik' });
  const twice = await rewritten(once.text, { ...options, to: 'traefik' });
  const hosts = await rewritten(named('${var.project}-web', 'traefik.enable=true'), { ...options, to: 'fabio' });

  assert.match(once.text, /"traefik\.http\.routers\.\[\[ \.name \]\]-web-[0-9a-f]{8}\.rule=Host\(`\[\[ \.host \]\]`\)"/);
  assert.equal(twice.text, once.text);
  assert.match(hosts.text, /"urlprefix-\$\{var\.project\}-web\.localhost\/"/);
});

test('rewriteFile() finds the way back from a template to the same tag', async () => {
  const before = service('"urlprefix-${var.host}/api"');
  const there = await rewritten(before, { form: 'hcl', to: 'traefik', mode: 'replace' });
  const back = await rewritten(there.text, { form: 'hcl', to: 'fabio', mode: 'replace' });
  assert.deepEqual(await tagsOf(back.text, 'hcl'), ['urlprefix-${var.host}/api']);
});

test('rewriteFile() says where it takes a host that is filled in later for an exact one, and leaves tags that route nothing alone', async () => {
  const { text, findings } = await rewritten(
    service('"urlprefix-${var.glob}/"', '"version-${var.version}"', '"urlprefix-a.io/${var.path}"'),
    {
      form: 'hcl',
      to: 'traefik',
      mode: 'replace',
    },
  );
  assert.match(text, /Host\(`\$\{var\.glob\}`\)/);
  assert.deepEqual(
    findings.filter(({ code }) => code.startsWith('FILE_')).map(({ code, column, tag }) => [code, column, tag]),
    [['FILE_HOST_GUESSED', 11, 'urlprefix-${var.glob}/']],
  );
});

const LEFT: readonly {
  readonly title: string;
  readonly text: string;
  readonly code: string;
  readonly line: number;
  readonly column: number;
}[] = [
  { title: 'a tag that is filled in as a whole', text: service('"${var.tag}"'), code: 'FILE_INTERPOLATION', line: 3, column: 11 },
  {
    title: 'host and path that are filled in together',
    text: service('"urlprefix-${var.route}"'),
    code: 'FILE_INTERPOLATION',
    line: 3,
    column: 11,
  },
  {
    title: 'a value that would become part of an expression',
    text: service('"urlprefix-*.${var.domain}/"'),
    code: 'FILE_INTERPOLATION',
    line: 3,
    column: 11,
  },
  { title: 'an element that is no string', text: service('"blue"', 'var.tag'), code: 'FILE_EXPRESSION', line: 3, column: 19 },
  {
    title: 'a list that a function makes',
    text: 'service {\n  tags = concat(["urlprefix-a.io/"], [])\n}\n',
    code: 'FILE_EXPRESSION',
    line: 2,
    column: 10,
  },
  {
    title: 'a list that a loop makes',
    text: 'service {\n  tags = [for x in y : "urlprefix-${x}/"]\n}\n',
    code: 'FILE_EXPRESSION',
    line: 2,
    column: 10,
  },
  {
    title: 'a list that a condition chooses',
    text: 'service {\n  tags = var.on ? ["urlprefix-a.io/"] : []\n}\n',
    code: 'FILE_EXPRESSION',
    line: 2,
    column: 10,
  },
  {
    title: 'a list with template actions that decide',
    text: 'service {\n  tags = [\n  [[ if .on ]]\n  "urlprefix-a.io/",\n  [[ end ]]\n  ]\n}\n',
    code: 'FILE_EXPRESSION',
    line: 2,
    column: 10,
  },
  {
    title: 'a job in a heredoc of Terraform',
    text: 'resource "nomad_job" "a" {\n  jobspec = <<EOT\n# "urlprefix-no.io/"\nservice {\n  tags = ["urlprefix-a.io/"]\n}\nEOT\n}\n',
    code: 'FILE_EXPRESSION',
    line: 5,
    column: 12,
  },
  {
    title: 'a list that a template is given',
    text: 'locals {\n  job = templatefile("a.tpl", { tags = ["v1", "traefik.enable=true"] })\n}\n',
    code: 'FILE_EXPRESSION',
    line: 2,
    column: 48,
  },
  {
    title: 'a file with a string that is not closed',
    text: '# don"t\nx = <<EOT\n"no\nEOT\ny = "a \\" ${f("b")}"\nservice {\n  tags = [\n    "v1", "urlprefix-a.io/,\n  ]\n}\n',
    code: 'FILE_SYNTAX',
    line: 8,
    column: 11,
  },
  { title: 'a file with a fault', text: 'service {\n  tags = ["urlprefix-a.io/"\n}\n', code: 'FILE_SYNTAX', line: 3, column: 1 },
];

for (const { title, text, code, line, column } of LEFT) {
  test(`rewriteFile() leaves ${title} for hand work and says where`, async () => {
    const result = await rewritten(text, { form: 'hcl', to: 'traefik', mode: 'replace' });
    assert.equal(result.text, text);
    const finding = result.findings.find((found) => found.code === code);
    assert.deepEqual([finding?.line, finding?.column], [line, column]);
    assert.ok(finding?.hint);
  });
}

for (const unknown of ['"traefik.http.routers.a.rule=HostRegexp(`${var.host}`)"', '"${var.rule}"', 'var.rule'])
  test(`rewriteFile() leaves all labels alone where ${unknown} may be one that they make a route with`, async () => {
    const labels = ['"traefik.enable=true"', '"traefik.http.routers.a.priority=5"'];
    const before = service(...labels, unknown, '"urlprefix-a.io/"');

    const { text, changes, findings } = await rewritten(before, { form: 'hcl', to: 'hind', mode: 'replace' });
    const own = await rewritten(before, { form: 'hcl', to: 'traefik', mode: 'add' });

    assert.equal(text, before.replace('"urlprefix-a.io/"', '"https://a.io"'));
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      ['byHand', 'byHand', 'byHand', 'converted'],
    );
    assert.equal(findings.filter(({ byHand }) => byHand).length, 3);
    assert.deepEqual(
      own.changes.slice(0, 2).map(({ kind }) => kind),
      ['own', 'own'],
    );
  });

const COMPOSE = `services:
  web:
    image: web:1
    environment:
      - SERVICE_NAME=web
      - SERVICE_TAGS=blue,urlprefix-a.io/
  db:
    environment: { SERVICE_80_TAGS: 'https://db.io', SERVICE_81_TAGS: blue }
    command: "--tag urlprefix-c.io/ --prefix 'urlprefix-'"
  old:
    labels: [traefik.enable=true, 80]
  labelled:
    labels: ["SERVICE_TAGS=urlprefix-d.io/,blue", "SERVICE_NAME=d"]
  mapped:
    labels: {SERVICE_TAGS: "urlprefix-e.io/", SERVICE_80_TAGS: blue}
tagPrefix: urlprefix-
`;

test('rewriteFile() names tags in YAML and JSON that stand in no list of tags, those of registrator too', async () => {
  const yaml = await rewritten(COMPOSE, { form: 'yaml', to: 'traefik', mode: 'replace' });
  const json = await rewritten('{"a": {"tags": ["urlprefix-a.io/", 1], "note": "urlprefix-"},\n"b": "x urlprefix-b.io/"}', {
    form: 'json',
    to: 'traefik',
    mode: 'replace',
  });

  assert.equal(yaml.text, COMPOSE);
  assert.deepEqual(
    yaml.findings.map(({ code, line, column }) => [code, line, column]),
    [
      ['FILE_EXPRESSION', 6, 9],
      ['FILE_EXPRESSION', 8, 37],
      ['FILE_EXPRESSION', 9, 21],
      ['FILE_EXPRESSION', 11, 14],
      ['FILE_EXPRESSION', 13, 14],
      ['FILE_EXPRESSION', 15, 28],
    ],
  );
  assert.match(yaml.findings[0]?.message ?? '', /^Cannot edit the tags in SERVICE_TAGS of services\.web: registrator reads them/);
  assert.match(yaml.findings[2]?.message ?? '', /^Cannot edit a tag in services\.db\.command: /);
  assert.deepEqual(
    json.findings.map(({ line, column }) => [line, column]),
    [
      [1, 18],
      [2, 9],
    ],
  );
});

test('rewriteFile() converts tags of canaries, sidecars and dynamic services, each as its own', async () => {
  const text = `job "j" {
  group "g" {
    service {
      name = "web"
      canary_tags = ["urlprefix-canary.io/"]
      connect {
        sidecar_service {
          tags = ["urlprefix-side.io/"]
        }
      }
    }
    dynamic "service" {
      for_each = var.services
      content {
        name = service.value
        tags = ["urlprefix-dynamic.io/"]
      }
    }
    task "t" {
      config { tags = ["urlprefix-no.io/"] }
      service { tags = ["urlprefix-task.io/"] }
    }
  }
}
`;
  const { changes } = await rewritten(text, { form: 'hcl', to: 'traefik', mode: 'replace' });
  assert.deepEqual(
    changes.map(({ tag, kind, place }) => [tag, kind, place]),
    [
      ['urlprefix-canary.io/', 'converted', 'job j, group g, service: canary_tags'],
      ['urlprefix-side.io/', 'converted', 'job j, group g, service, connect, sidecar_service: tags'],
      ['urlprefix-dynamic.io/', 'converted', 'job j, group g, dynamic service, content: tags'],
      ['urlprefix-task.io/', 'converted', 'job j, group g, task t, service: tags'],
    ],
  );
});

test('rewriteFile() converts services of Terraform and says nothing of what only looks like a tag', async () => {
  const text = `resource "consul_service" "web" {
  node = "urlprefix.example.com"
  tags = ["urlprefix-a.io/"]
  check {
    http = "http://my-urlprefix-a.io/traefik.html"
  }
}
`;
  const { changes, findings } = await rewritten(text, { form: 'hcl', to: 'hind', mode: 'replace' });
  assert.deepEqual(
    changes.map(({ tag, kind, place }) => [tag, kind, place]),
    [['urlprefix-a.io/', 'converted', 'resource consul_service web: tags']],
  );
  assert.deepEqual(
    findings.filter(({ code }) => code.startsWith('FILE_')),
    [],
  );
});
