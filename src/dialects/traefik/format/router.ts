import type { RouteIntent } from '../../../model/intent.ts';
import type { HostMatch, RouteMatch } from '../../../model/match.ts';
import { matchPriority } from '../../match-priority.ts';
import type { FormatContext } from '../../dialect.ts';
import { approximated, impossible, rawPathLosses, type Loss } from '../../loss.ts';
import { readRule } from '../rule/read-rule.ts';
import { printRule } from '../rule/print.ts';
import type { FieldText } from './parts.ts';
import { isRuleReadBack } from './read-back.ts';

/** The routers that an intent, or several that differ in their match alone, become: the labels of each behind its name. */
export interface RouterText {
  readonly routers: readonly { readonly suffix: string; readonly fields: readonly FieldText[] }[];
  readonly losses: readonly Loss[];
}

/** Prints rule, entry points, TLS and priority. */
export function routerText(group: readonly RouteIntent[], context: FormatContext): RouterText {
  const [intent] = group;
  if (!intent) return { routers: [], losses: [] };
  const places = placesOf(intent, context);
  if (places.length === 0) return { routers: [], losses: [missingPlace(intent)] };
  if (intent.entryPoints.kind === 'udp') return { routers: places, losses: [] };
  const kind = intent.entryPoints.kind === 'tcp' ? 'tcp' : 'http';
  const matches = group.map(({ match }) => match);
  const rule = printRule(matches, kind);
  const read = readRule(rule, { kind });
  const losses = matches.flatMap((match) => matchLosses(match));
  if (!isRuleReadBack(read, matches))
    return { routers: [], losses: [...losses, impossible('which requests are meant, because no rule says just that')] };
  const priority = priorityFields(intent, read.priority);
  const options = intent.tlsProfile ? [['tls.options', `${intent.tlsProfile.name}@file`] as const] : [];
  const routers = places.map(({ suffix, fields }) => ({ suffix, fields: [['rule', rule] as const, ...fields, ...options, ...priority] }));
  return { routers, losses: [...losses, ...rawPathLosses(intent)] };
}

type Place = RouterText['routers'][number];

/** Where the routers listen: one router for each way, plain or TLS. Without names they listen wherever their kind is spoken. */
function placesOf({ entryPoints, dialect, tcpTls }: RouteIntent, { entryPoints: names }: FormatContext): readonly Place[] {
  const isOwn = dialect === 'traefik';
  const plain = (list: readonly string[], suffix = ''): Place => ({ suffix, fields: entryPointFields(list) });
  const tls = (list: readonly string[], suffix = ''): Place => ({ suffix, fields: [...entryPointFields(list), ['tls', 'true']] });
  switch (entryPoints.kind) {
    case 'plain':
      return [plain(isOwn ? [] : [names.plain])];
    case 'tls':
      return [tls(isOwn ? [] : [names.tls])];
    case 'both':
      return [plain([names.plain]), tls([names.tls], '-tls')];
    case 'named':
      return [entryPoints.tls ? tls(entryPoints.names) : plain(entryPoints.names)];
    case 'port':
      return [];
    case 'tcp':
    case 'udp':
      if (entryPoints.port !== undefined && !entryPoints.names) return [];
      return [{ suffix: '', fields: [...entryPointFields(entryPoints.names ?? []), ...tcpTlsFields(tcpTls)] }];
    default:
      throw new TypeError(`Cannot print entry points: ${JSON.stringify(entryPoints satisfies never)}`);
  }
}

function entryPointFields(names: readonly string[]): readonly FieldText[] {
  return names.length > 0 ? [['entrypoints', names.join(',')]] : [];
}

function tcpTlsFields(tcpTls: RouteIntent['tcpTls']): readonly FieldText[] {
  if (!tcpTls) return [];
  return [tcpTls === 'passthrough' ? ['tls.passthrough', 'true'] : ['tls', 'true']];
}

function missingPlace({ entryPoints }: RouteIntent): Loss {
  const port = 'port' in entryPoints && entryPoints.port !== undefined ? entryPoints.port : 0;
  return impossible(`the entry point on port ${port}`, 'Give the entry point a name, and write the router by hand with entrypoints=NAME');
}

/** The priority, where it is not what the rule has by its length. */
function priorityFields(intent: RouteIntent, natural: number): readonly FieldText[] {
  const { priority, ruleLength, dialect } = intent;
  const asked = priority ?? ruleLength ?? (dialect === 'traefik' ? natural : matchPriority(intent));
  return priority === undefined && asked === natural ? [] : [['priority', String(asked)]];
}

function matchLosses({ host, path }: RouteMatch): readonly Loss[] {
  const ignoresCase = (path.kind === 'exact' || path.kind === 'prefix') && path.ignoreCase;
  return [...portLosses(host), ...(ignoresCase ? [approximated('the path is compared with its case')] : [])];
}

function portLosses(host: HostMatch): readonly Loss[] {
  if (host.kind !== 'exact' && host.kind !== 'glob') return [];
  if (typeof host.port === 'number') return [impossible(`the port ${host.port} in the Host header, which rules do not see`)];
  return host.port === 'own' ? [approximated('requests with another port in their Host header are taken too')] : [];
}
