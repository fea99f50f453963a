import { segmentSpan, type Label } from './labels.ts';
import type { LabelRow } from './label-table.ts';
import { findRow, suggestRow } from './lookup.ts';
import { fromOldRule } from './rule/older.ts';
import type { Tell } from './tell.ts';
import { expectationOf, parseValue } from './values.ts';

/** First segments of the labels of Traefik 1. */
const OLD_ROOTS: ReadonlySet<string> = new Set(['frontend', 'frontends', 'backend', 'backends', 'protocol', 'port', 'weight', 'domain']);
/** First segments of labels that only other providers of Traefik read. */
const OTHER_PROVIDERS: ReadonlySet<string> = new Set(['docker', 'swarm', 'ecs', 'marathon', 'mesos', 'rancher']);

/** Says what becomes of a label that is about no router, service or middleware. */
export function reportStranger(label: Label, tell: Tell): void {
  const { key, value } = label;
  const found = findRow('general', key);
  if (found) return reportGeneral(label, found.row, tell);
  const [root = ''] = key.split('.');
  const span = segmentSpan(label, 0);
  const unknown = (what: string, hint?: string): void => tell('TRAEFIK_LABEL_UNKNOWN', `Label "${key}" ${what}`, span, { hint });
  if (OLD_ROOTS.has(root)) return unknown('is of Traefik 1; served without it', oldHint(key, value));
  if (OTHER_PROVIDERS.has(root)) return unknown('is for another provider of Traefik; served without it');
  if (root === 'consulcatalog' || root === 'nomad') {
    const meant = suggestRow('general', key);
    return unknown('is none of Traefik; served without it', meant && `Did you mean ${meant.key}?`);
  }
  if (root === 'connect') return unknown('is none of Traefik; served without it', 'Did you mean consulCatalog.connect?');
  if (root === 'routers' || root === 'services' || root === 'middlewares')
    return unknown('lacks its protocol; served without it', `Did you mean http.${root}?`);
  if (root === 'http' || root === 'tcp' || root === 'udp') return unknown('is none of Traefik; served without it');
  unknown('is none of Traefik, which ignores it too');
}

function reportGeneral({ key, value, valueSpan }: Label, [type, use]: LabelRow, tell: Tell): void {
  if (use === 'refused') tell('TRAEFIK_FEATURE_REFUSED', `Cannot use "${key}": a tag may not say it; served without it`, valueSpan);
  if (use === 'file') tell('TRAEFIK_LABEL_FILE_ONLY', `"${key}" is not read from labels, in Traefik neither; served without it`, valueSpan);
  if (use === 'inert') tell('TRAEFIK_LABEL_INERT', `"${key}" does nothing, in Traefik neither`, valueSpan);
  if (parseValue(value, type) === undefined)
    tell('TRAEFIK_LABEL_VALUE', `Cannot use "${value}" as ${key}, expected ${expectationOf(type)}; served without it`, valueSpan);
}

/** The label of Traefik 3 in the place of one of Traefik 1. */
function oldHint(key: string, value: string): string {
  const last = key.split('.').at(-1) ?? '';
  const rule = last === 'rule' ? fromOldRule(value) : undefined;
  if (rule !== undefined) return `Write http.routers.NAME.rule=${rule}`;
  const hints: ReadonlyMap<string, string> = new Map([
    ['rule', 'http.routers.NAME.rule=Host(`example.com`)'],
    ['entrypoints', 'http.routers.NAME.entryPoints'],
    ['priority', 'http.routers.NAME.priority'],
    ['port', 'http.services.NAME.loadBalancer.server.port'],
    ['protocol', 'http.services.NAME.loadBalancer.server.scheme'],
    ['weight', 'http.services.NAME.loadBalancer.server.weight'],
    ['passhostheader', 'http.services.NAME.loadBalancer.passHostHeader'],
    ['basic', 'http.middlewares.NAME.basicAuth.users'],
    ['users', 'http.middlewares.NAME.basicAuth.users'],
    ['sourcerange', 'http.middlewares.NAME.ipAllowList.sourceRange'],
    ['stickiness', 'http.services.NAME.loadBalancer.sticky.cookie'],
    ['expression', 'http.middlewares.NAME.circuitBreaker.expression'],
  ]);
  return `Write ${hints.get(last) ?? 'http.routers.NAME.rule'}`;
}
