import { readFileSync } from 'node:fs';
import { Secret } from '../lib/secret.ts';
import { systemCode } from '../lib/errors.ts';
import type { Credentials } from '../model/credentials.ts';
import { ConfigError, type ConfigFault } from './error.ts';
import type { PolicyConfig } from './policy-schema.ts';

/**
 * The users of every policy with `basicAuth`, by the policy's name. Only bcrypt hashes are taken, because both proxies
 * read them. Throws `ConfigError` for every file that cannot be used.
 */
export function readCredentials(policies: Readonly<Record<string, Pick<PolicyConfig, 'basicAuth'>>>): ReadonlyMap<string, Credentials> {
  const faults: ConfigFault[] = [];
  const credentials = new Map<string, Credentials>();
  for (const [name, { basicAuth }] of Object.entries(policies)) {
    if (!basicAuth) continue;
    const read = readUsers(basicAuth.usersFile);
    if (typeof read === 'string') faults.push({ key: `policies.${name}.basicAuth.usersFile`, message: read });
    else credentials.set(name, read);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return credentials;
}

/** The users of a file, or why it cannot be used. */
function readUsers(usersFile: string): Credentials | string {
  let text: string;
  try {
    text = readFileSync(usersFile, 'utf8');
  } catch (cause) {
    return `Cannot read "${usersFile}": ${systemCode(cause) ?? 'unreadable'}, expected an htpasswd file`;
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0) return `Cannot use "${usersFile}": it names no users, expected NAME:HASH lines`;
  const users = lines.flatMap((line) => {
    const match = /^([!-9;-_a-~]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/.exec(line);
    return match ? [{ name: match[1] ?? '', hash: new Secret(match[2] ?? '') }] : [];
  });
  if (users.length < lines.length)
    return `Cannot use "${usersFile}": a line has no bcrypt hash, expected NAME:$2y$… as \`htpasswd -B\` writes it`;
  return { usersFile, users };
}
