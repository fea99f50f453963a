import { join } from 'node:path';
import { readTextFile } from '../lib/files.ts';
import { Secret } from '../lib/secret.ts';
import type { Setup } from './setup.ts';

/** Variables of catalogs and of the container whose values no proxy configuration may hold. */
const VARIABLES = ['CONSUL_HTTP_TOKEN', 'CONSUL_TOKEN', 'NOMAD_TOKEN', 'HIND_N', 'HIND_C'] as const;
/** A shorter text may stand anywhere by chance. */
const SHORTEST = 16;

/** The secrets that this program can know of: tokens of the catalogs, gossip keys, its own token and passwords. */
export async function knownSecrets({ config, env, paths, apiPassword }: Setup): Promise<readonly Secret[]> {
  const files = [
    ...[config.sources.consul, config.sources.nomad].flatMap((source) => (source && source.tokenFile) || []),
    ...['CONSUL_HTTP_TOKEN_FILE', 'CONSUL_TOKEN_FILE', 'NOMAD_TOKEN_FILE'].flatMap((name) => env[name] || []),
    join(paths.stateDir, 'admin.token'),
  ];
  // what cannot be read is told by those who need it
  const texts = await Promise.all(files.map((file) => readTextFile(file).catch(() => undefined)));
  const values = [...VARIABLES.map((name) => env[name]), ...texts, apiPassword?.reveal()].flatMap((text) => text?.trim() || []);
  return [...new Set(values)].filter((value) => value.length >= SHORTEST).map((value) => new Secret(value));
}
