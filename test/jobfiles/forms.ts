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
