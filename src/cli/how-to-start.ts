import { proxyOf } from './paths.ts';
import type { Setup } from './setup.ts';

/** What starts a proxy that does not run, or that runs and is `silent`. */
export function howToStart(
  { server, config }: Pick<Setup, 'server' | 'config'>,
  { silent = false }: { readonly silent?: boolean } = {},
): string {
  const ways =
    proxyOf(config).start === 'auto' ? 'hind-proxy exec-proxy, supervisorctl start proxy, or rollback --start' : 'its own service';
  return silent ? `End ${server}, which runs and does not answer, and start it again: ${ways}` : `Start ${server}: ${ways}`;
}
