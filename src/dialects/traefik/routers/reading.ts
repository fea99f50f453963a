import type { TagSpan } from '../../../model/diagnostic.ts';
import type { Fault, Reference, RouteIntent } from '../../../model/intent.ts';
import type { RouteMatch } from '../../../model/match.ts';
import type { UpstreamHost } from '../../../model/pool.ts';
import type { Context } from '../context.ts';
import type { Item } from '../items.ts';
import type { Middlewares } from '../middlewares/lists.ts';
import type { MiddlewareReading } from '../middlewares/reading.ts';
import { readRule, type RuleOptions } from '../rule/read-rule.ts';
import type { Field } from '../read-labels.ts';
import type { ServiceReading } from '../services/reading.ts';
import { partSpan, quarantined } from '../tell.ts';
import type { LinkedService } from './link.ts';

/** What routers of one protocol need to be read. */
export interface RouterTools {
  readonly context: Context;
  /** By lower-cased name; never empty. */
  readonly services: ReadonlyMap<string, ServiceReading>;
  readonly middlewares: Middlewares;
  /** Where to point when no label says it. */
  readonly span: TagSpan;
}

/** The matches of a rule and the default priority of its router. */
export interface RuleReading {
  readonly matches: readonly RouteMatch[];
  readonly priority: number;
  readonly serverName?: string;
}

/** Reads a rule and reports its problems at their places. */
export function ruleOf({ label }: Field, options: RuleOptions, { tell }: Context): RuleReading {
  const { problems, ...rule } = readRule(label.value, options);
  for (const { code, message, start, end, hint } of problems) tell(code, message, partSpan(label.valueSpan, { start, end }), { hint });
  return rule;
}

/** The largest priority that Traefik lets a router have. */
const MAX_PRIORITY = 9_223_372_036_854_774_807n;

/** The priority that a router states; 0 is none. One beyond Traefik's range is a fault, as in Traefik. */
export function priorityOf(field: Field | undefined, { tell }: Context): { readonly priority?: number; readonly fault?: Fault } {
  if (!field || typeof field.value !== 'number' || field.value === 0) return {};
  if (BigInt(field.label.value) <= MAX_PRIORITY) return { priority: field.value };
  const message = `Cannot use "${field.label.value}" as priority, expected at most ${MAX_PRIORITY}; the route answers 503`;
  tell('TRAEFIK_LABEL_VALUE', message, field.label.valueSpan);
  return { fault: quarantined('TRAEFIK_LABEL_VALUE') };
}

/** The Host header that servers get: their own address where the service says so, whatever a middleware sets, as in Traefik. */
export function upstreamHostOf({ member }: ServiceReading, { upstreamHost }: MiddlewareReading): UpstreamHost {
  return member.pool.upstreamHost.kind === 'endpoint' ? member.pool.upstreamHost : (upstreamHost ?? member.pool.upstreamHost);
}

/** Where everything stands that one router asks for: the rule first. */
export function spansOf(
  router: Item | undefined,
  { rule, parts }: { readonly rule: Field | undefined; readonly parts: readonly (readonly TagSpan[] | undefined)[] },
  fallback: TagSpan,
): readonly TagSpan[] {
  const all = [...(rule ? [rule.label.valueSpan] : []), ...(router?.spans ?? []), ...parts.flatMap((spans) => spans ?? [])];
  const distinct = [...new Map(all.map((span) => [span.tagIndex, span])).values()];
  return distinct.length === 0 ? [fallback] : distinct;
}

/** What an intent takes from its service. */
export function memberOf({
  service: { member, name },
  backend,
}: LinkedService): Pick<RouteIntent, 'protocol' | 'endpoint' | 'pool'> &
  Partial<Pick<RouteIntent, 'tls' | 'transport' | 'weight' | 'backend' | 'linked'>> {
  return { ...member, ...(backend ? { backend } : name !== '' && { linked: name.toLowerCase() }) };
}

/** The policy that says how TLS is ended, from `tls.options`; `default` is none. */
export function tlsProfileOf(field: Field | undefined, { tell }: Context): { readonly tlsProfile?: Reference; readonly fault?: Fault } {
  if (!field || field.label.value === '' || field.label.value === 'default') return {};
  const { value, valueSpan } = field.label;
  const name = value.endsWith('@file') ? value.slice(0, -'@file'.length) : undefined;
  if (name !== undefined && name !== '' && !name.includes('@'))
    return { tlsProfile: { kind: 'reference', to: 'policy', name, span: valueSpan, code: 'TRAEFIK_REFERENCE_UNKNOWN' } };
  const message = `Cannot find TLS options "${value}": labels declare none; the route answers 503`;
  tell('TRAEFIK_REFERENCE_UNKNOWN', message, valueSpan, { hint: `Write ${value.replace(/@.*$/, '')}@file` });
  return { fault: { kind: 'protective', code: 'TRAEFIK_REFERENCE_UNKNOWN' } };
}

/** Says once that certificates come from the operator. */
export function tellResolver(field: Field | undefined, { tell }: Context): void {
  if (!field) return;
  const message = 'The certificate resolver is not used: served with the configured certificates';
  tell('TRAEFIK_CERTIFICATE_RESOLVER', message, field.label.valueSpan);
}
