import { fitsWildcard } from '../lib/wildcard.ts';
import { hostText } from '../model/match.ts';
import type { Middleware } from '../model/middleware.ts';
import type { TlsProfile } from '../model/route.ts';
import type { Attachment, CompileOptions } from './options.ts';
import type { ResolvedTarget } from './references.ts';

/**
 * A target with the policies that the operator attaches to its route: their middlewares act before those of the tag. What the tag
 * itself already asks for is not done twice.
 */
export function withAttached(target: ResolvedTarget, { attach, policies }: Pick<CompileOptions, 'attach' | 'policies'>): ResolvedTarget {
  const names = new Set(attach.filter(({ match }) => fits(target, match)).flatMap((attachment) => attachment.policies));
  if (names.size === 0) return target;
  const { intent } = target;
  const found = [...names].flatMap((name) => policies.get(name) ?? []);
  const own = new Set(intent.middlewares.map((middleware) => JSON.stringify(middleware)));
  const added: readonly Middleware[] = found
    .flatMap(({ middlewares }) => middlewares)
    .filter((middleware) => !own.has(JSON.stringify(middleware)));
  const profile: TlsProfile | undefined = found.find(({ tlsProfile }) => tlsProfile)?.tlsProfile ?? intent.tlsProfile;
  return { ...target, intent: { ...intent, middlewares: [...added, ...intent.middlewares], ...(profile && { tlsProfile: profile }) } };
}

function fits({ intent, instance }: ResolvedTarget, { service, host, tag, namespace }: Attachment['match']): boolean {
  const routeHost = intent.match.host.kind === 'any' ? '' : hostText(intent.match.host);
  return (
    (service === undefined || fitsWildcard(intent.service, service)) &&
    (namespace === undefined || fitsWildcard(intent.owner, namespace)) &&
    (host === undefined || fitsWildcard(routeHost, host.toLowerCase())) &&
    (tag === undefined || instance.tags.some((text) => fitsWildcard(text, tag)))
  );
}
