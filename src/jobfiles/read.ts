import type { JobFile } from './job-file.ts';

/** The languages of files with tags. */
export type FileForm = 'hcl' | 'json' | 'yaml';

/** The language of a file by its name; undefined where a file of this name has no tags. */
export function formOf(path: string): FileForm | undefined {
  const name = path.replace(/\.(?:tpl|tmpl|levant|j2|erb)$/, '');
  if (/\.(?:nomad|hcl|tf|tfvars)$/.test(name)) return 'hcl';
  if (/\.jsonc?$/.test(name)) return 'json';
  if (/\.ya?ml$/.test(name)) return 'yaml';
  return name === path ? undefined : 'hcl';
}

/** What of a text is about tags. The reader of a language is loaded with the first text in it. */
export async function readJobFile(text: string, form: FileForm): Promise<JobFile> {
  switch (form) {
    case 'hcl':
      return (await import('./hcl.ts')).readHcl(text);
    case 'json':
      return (await import('./json.ts')).readJson(text);
    case 'yaml':
      return (await import('./yaml.ts')).readYaml(text);
    default:
      throw new TypeError(`Cannot read a file: ${JSON.stringify(form satisfies never)}`);
  }
}
