import { stringify } from 'yaml';
import type { FileForm } from '../../src/jobfiles/read.ts';

/** A list of tags in a file of each form, with much around it that nothing may touch. */
export const FORMS: readonly { readonly name: string; readonly form: FileForm; readonly write: (tags: readonly string[]) => string }[] = [
  { name: 'web.nomad.hcl', form: 'hcl', write: (tags) => nomadJob(tags, '\n') },
  { name: 'crlf.nomad.hcl', form: 'hcl', write: (tags) => `\uFEFF${nomadJob(tags, '\r\n')}` },
  {
    name: 'one-line.hcl',
    form: 'hcl',
    write: (tags) => `service {\n  name = "web"\n  port = 8080\n  tags = [${tags.map(hcl).join(', ')}]\n}\n`,
  },
  { name: 'web.nomad.tpl', form: 'hcl', write: (tags) => `[[ $x := 1 ]]\n${nomadJob(tags, '\n')}[[/* end */]]\n` },
  {
    name: 'job.json',
    form: 'json',
    write: (tags) =>
      JSON.stringify(
        { Job: { ID: 'web', TaskGroups: [{ Services: [{ Name: 'web', PortLabel: '8080', Tags: tags, Checks: [] }] }] } },
        null,
        2,
      ),
  },
  { name: 'consul.json', form: 'json', write: (tags) => `// by hand\n${JSON.stringify({ service: { name: 'web', port: 8080, tags } })}\n` },
  { name: 'mark.json', form: 'json', write: (tags) => `\uFEFF${JSON.stringify({ service: { name: 'web', port: 8080, tags } })}` },
  {
    name: 'compose.yml',
    form: 'yaml',
    write: (tags) => `# compose\n${stringify({ services: { web: { image: 'web:1', labels: tags } } })}# end\n`,
  },
  {
    name: 'flow.yaml',
    form: 'yaml',
    write: (tags) => `web:\n  name: web\n  tags: [${tags.map((tag) => JSON.stringify(tag)).join(', ')}] # all\n`,
  },
];

/**
 * A job of several groups and services, each list written in a way of its own: with tabs, on one line, with comments between, with other
 * lists and blocks around. The same for the same number.
 */
export function generatedJob(index: number, lists: readonly (readonly string[])[]): string {
  const indent = index % 3 === 0 ? '\t' : '  ';
  const eol = index % 5 === 0 ? '\r\n' : '\n';
  const groups = lists.flatMap((tags, at) => [
    `${indent}group "g${at}" {`,
    `${indent}${indent}network { port "http" {} }`,
    `${indent}${indent}service {`,
    `${indent}${indent}${indent}name         = "job${index}-${at}"`,
    `${indent}${indent}${indent}port         = ${at % 2 === 0 ? '"http"' : '8080'}`,
    ...generatedList(tags, { name: at % 4 === 3 ? 'canary_tags' : 'tags', indent: indent.repeat(3), way: (index + at) % 4 }),
    `${indent}${indent}${indent}check { args = ["tags", "urlprefix-no.io/"] }`,
    `${indent}${indent}}`,
    `${indent}}`,
  ]);
  return [`# job ${index}`, `job "job${index}" {`, ...groups, '}', ...(index % 2 === 0 ? [''] : [])].join(eol);
}

function generatedList(
  tags: readonly string[],
  { name, indent, way }: { readonly name: string; readonly indent: string; readonly way: number },
): readonly string[] {
  const elements = tags.map(hcl);
  if (way === 0) return [`${indent}${name} = [${elements.join(', ')}]`];
  if (way === 1) return [`${indent}${name}=[ /* all */ ${elements.join(' , ')}${elements.length > 0 ? ',' : ''} ] // end`];
  const lines = elements.map((element, at) => `${indent}  ${element}${way === 2 && at === elements.length - 1 ? '' : ','}`);
  return [
    `${indent}${name} = [`,
    ...lines.flatMap((line, at) => (at % 3 === 2 ? ['', `${indent}  # "urlprefix-old.io/",`, line] : [line])),
    `${indent}]`,
  ];
}

function nomadJob(tags: readonly string[], eol: string): string {
  return [
    'job "web" { # tags = ["urlprefix-no.io/"]',
    '  group "web" {',
    '    service {',
    '      name = "web"',
    '      port = 8080',
    '      tags = [',
    '        // "urlprefix-commented.io/",',
    ...tags.map((tag, index) => `        ${hcl(tag)},${index % 2 === 0 ? ' # note, with a comma' : ''}`),
    '      ]',
    '      meta   { note = "tags = [\\"urlprefix-no.io/\\"]" }',
    '    }',
    '  }',
    '}',
    '',
  ].join(eol);
}

/** A string of HCL; template actions are not escaped, as another program reads them first. */
function hcl(tag: string): string {
  const parts = tag.split(/(\[\[.*?\]\])/).map((part) => (part.startsWith('[[') ? part : JSON.stringify(part).slice(1, -1)));
  return `"${parts.join('').replaceAll('%{', '%%{')}"`;
}
