import type { Server } from '../model/rendered.ts';
import { caddyTarget } from '../targets/caddy/target.ts';
import { traefikTarget } from '../targets/traefik/target.ts';
import type { Target } from '../targets/target.ts';

/** Every proxy as a compiler backend. */
export const TARGETS: Readonly<Record<Server, Target>> = { caddy: caddyTarget, traefik: traefikTarget };
