import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { writeFileAtomic } from '../lib/files.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { Secret } from '../lib/secret.ts';
import { readOrSetAside } from '../lib/set-aside.ts';

/** The token of `<stateDir>/admin.token`, made at the first start and where it cannot be read, readable by us alone. */
export async function ensureAdminToken(stateDir: string, log: Log = silentLog): Promise<Secret> {
  const path = join(stateDir, 'admin.token');
  const known = (await readOrSetAside(path, { log }))?.trim();
  if (known) return new Secret(known);
  const token = randomBytes(32).toString('base64url');
  await writeFileAtomic(path, `${token}\n`, { mode: 0o600 });
  return new Secret(token);
}

/** Whether a request's `Authorization` header carries the token; compared by hash, in constant time. */
export function carriesToken(header: string | undefined, token: Secret): boolean {
  const given = /^Bearer ([^\s]+)$/.exec(header ?? '')?.[1];
  return given !== undefined && timingSafeEqual(hashOf(given), hashOf(token.reveal()));
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
