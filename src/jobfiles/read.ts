import { readHcl } from './hcl.ts';
import type { JobFile } from './job-file.ts';
import { readJson } from './json.ts';
import { readYaml } from './yaml.ts';

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

/** What of a text is about tags. */
export async function readJobFile(text: string, form: FileForm): Promise<JobFile> {
  return form === 'hcl' ? readHcl(text) : form === 'json' ? readJson(text) : readYaml(text);
}
