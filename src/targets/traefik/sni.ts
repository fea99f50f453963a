import { regexpLiteral } from '../../lib/quote.ts';
import type { Condition, HostMatch, RouteMatch } from '../../model/match.ts';
import { all, call, filled, not, peerIn, type Rule } from './rule.ts';

/** The rule of a TCP route and what else must hold: its server name, or every connection. */
export function sniRuleOf({ host, conditions }: RouteMatch, when: readonly Rule[] = []): Rule {
  return all([sniRule(host), ...conditions.map(conditionRule), ...when]);
}

/** Whether the condition can be asked of a connection. */
export function isOfConnections(condition: Condition): boolean {
  return condition.kind === 'not' ? isOfConnections(condition.condition) : ['clientIp', 'alpn', 'host'].includes(condition.kind);
}

function sniRule(host: HostMatch): Rule {
  if (host.kind === 'any') return call('HostSNI', '*');
  if (host.kind !== 'exact') return call('HostSNIRegexp', filled(host.regexp));
  return host.host.startsWith('[') ? call('HostSNIRegexp', `^${regexpLiteral(host.host)}$`) : call('HostSNI', host.host);
}

function conditionRule(condition: Condition): Rule {
  switch (condition.kind) {
    case 'clientIp':
      return peerIn(condition.cidrs);
    case 'alpn':
      return { kind: 'or', rules: condition.protocols.map((protocol) => call('ALPN', protocol)) };
    case 'host':
      return sniRule(condition.host);
    case 'not':
      return not(conditionRule(condition.condition));
    default:
      throw new RangeError(`Cannot match ${condition.kind}: it belongs to requests`);
  }
}
