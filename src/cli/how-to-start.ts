import { proxyOf } from './paths.ts';
import type { Setup } from './setup.ts';

/** What starts a proxy that does not run. */
export function howToStart({ server, config }: Pick<Setup, 'server' | 'config'>): string {
  const ways =
    proxyOf(config).start === 'auto' ? 'hind-proxy exec-proxy, supervisorctl start proxy, or rollback --start' : 'its own service';
  return `Start ${server}: ${ways}`;
}
