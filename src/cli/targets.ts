import type { Server } from '../model/rendered.ts';
import { CADDY_CAPABILITIES } from '../targets/caddy/capabilities.ts';
import type { Capabilities } from '../targets/features.ts';
import type { Target } from '../targets/target.ts';
import { TRAEFIK_CAPABILITIES } from '../targets/traefik/capabilities.ts';

/** What every proxy can do. */
export const CAPABILITIES: Readonly<Record<Server, Capabilities>> = { caddy: CADDY_CAPABILITIES, traefik: TRAEFIK_CAPABILITIES };

/** A proxy as a compiler backend, loaded when it is asked for: a controller needs one, and its first configuration waits for that. */
export async function targetOf(server: Server): Promise<Target> {
  switch (server) {
    case 'caddy':
      return (await import('../targets/caddy/target.ts')).caddyTarget;
    case 'traefik':
      return (await import('../targets/traefik/target.ts')).traefikTarget;
    default:
      throw new TypeError(`Cannot load a proxy: ${JSON.stringify(server satisfies never)}`);
  }
}
