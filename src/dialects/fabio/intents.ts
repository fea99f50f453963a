import { parseIp } from '../../lib/ip.ts';
import type { ServiceInstance } from '../../model/catalog.ts';
import type { TagSpan } from '../../model/diagnostic.ts';
import type { EntryPointChoice } from '../../model/entry-point.ts';
import type { RouteIntent } from '../../model/intent.ts';
import { ANY_HOST, ANY_PATH, type Condition } from '../../model/match.ts';
import { PLAIN_POOL } from '../../model/pool.ts';
import type { FabioOptions } from './options.ts';
import type { FabioRoute } from './route.ts';

/** What tells a gRPC call from another request. */
export const GRPC: Condition = { kind: 'headerRegexp', name: 'Content-Type', regexp: '^application/grpc' };

interface Origin {
  readonly instance: ServiceInstance;
  readonly span: TagSpan;
}

/**
 * What one tag asks for: its route; secondary to it, the same on the listeners of the other kind where its host names port 80 or 443, and
 * the refusal of requests of a kind that its instances do not speak: Fabio answers those with an error, never from a wider route.
 */
export function intentsOf(route: FabioRoute, options: FabioOptions, origin: Origin): readonly RouteIntent[] {
  const main = httpIntent(route, options, origin);
  switch (options.spoken) {
    case 'http':
    case 'https':
      return everywhere(main, route);
    case 'grpc':
    case 'grpcs': {
      const calls = { ...main, match: { ...main.match, conditions: [GRPC] } };
      return [...everywhere(calls, route), ...everywhere(refusal(main), route)];
    }
    case 'tcp': {
      const tcp = tcpIntent(route, main);
      if (route.tcpPort !== undefined) return tcp ? [tcp] : [];
      return tcp ? [tcp, ...everywhere(refusal(main), route)] : everywhere({ ...refusal(main), entryPoints: route.entryPoints }, route);
    }
    default:
      throw new TypeError(`Cannot read a route: ${JSON.stringify(options.spoken satisfies never)}`);
  }
}

function httpIntent(route: FabioRoute, options: FabioOptions, { instance, span }: Origin): RouteIntent {
  const { action, protocol, pool, share, kept } = options;
  return {
    dialect: 'fabio',
    owner: instance.owner,
    service: instance.service,
    spans: [span],
    entryPoints: route.entryPoints,
    match: { host: route.host, path: route.path, conditions: [] },
    pathForm: 'clean',
    middlewares: options.middlewares.map((middleware) => (middleware.kind === 'reference' ? { ...middleware, span } : middleware)),
    action,
    protocol,
    pool,
    endpoint: { address: instance.address, port: instance.port },
    ...(share !== undefined && { share }),
    ...(kept.length > 0 && { kept }),
  };
}

/** An intent on the listeners that its tag names, and the secondary one on those of the other kind. */
function everywhere(intent: RouteIntent, { secondary }: FabioRoute): readonly RouteIntent[] {
  if (!secondary) return [intent];
  return [intent, { ...intent, entryPoints: secondary.entryPoints, match: { ...intent.match, host: secondary.host } }];
}

/**
 * What Fabio's TCP listeners look up, and nothing else: `:port`, `address:port`, or a server name without port and path
 * (fabiolb/fabio:route/table.go LookupHost, proxy/tcp).
 */
function tcpIntent({ host, pathText, hostPort, tcpPort }: FabioRoute, main: RouteIntent): RouteIntent | undefined {
  const isAddress = host.kind === 'exact' && parseIp(host.host.replace(/^\[|\]$/g, '')) !== undefined;
  const port = tcpPort ?? (isAddress ? hostPort : undefined);
  const isName = host.kind === 'exact' && !isAddress && hostPort === undefined;
  if (pathText !== '/' || (port === undefined && !isName)) return undefined;
  return {
    ...main,
    entryPoints: { kind: 'tcp', ...(port === undefined ? { beforeTls: true } : { port }) },
    match: { host: port === undefined ? host : ANY_HOST, path: ANY_PATH, conditions: [] },
    action: { kind: 'forward' },
    ...(port === undefined && { tcpTls: 'passthrough' }),
  };
}

/** The answer to requests that the instances of an intent do not speak. */
function refusal(intent: RouteIntent): RouteIntent {
  const { kept: _kept, share: _share, ...rest } = intent;
  const entryPoints = secondaryOf(rest.entryPoints);
  return { ...rest, entryPoints, protocol: 'http', pool: PLAIN_POOL, middlewares: [], action: { kind: 'refuse' } };
}

function secondaryOf(choice: EntryPointChoice): EntryPointChoice {
  return choice.kind === 'plain' || choice.kind === 'tls' || choice.kind === 'both' ? { kind: choice.kind, secondary: true } : choice;
}
