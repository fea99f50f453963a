import { nearest } from '../../lib/nearest.ts';
import type { DiagnosticCode } from '../../model/codes.ts';
import type { Middleware } from '../../model/middleware.ts';
import { parseHostname } from '../../model/names.ts';
import type { Fault, IntentAction, Reference } from '../../model/intent.ts';
import type { LoadBalancing, PoolOptions, Transport, UpstreamHost, UpstreamProtocol } from '../../model/pool.ts';
import type { Redirect } from '../../model/route.ts';
import { readAccess } from './access.ts';
import type { Option, Token } from './lex.ts';
import { parseRedirect } from './redirect.ts';

/** What the options of one tag ask for. */
export interface FabioOptions {
  readonly middlewares: readonly (Middleware | Omit<Reference, 'span'>)[];
  readonly action: IntentAction;
  readonly protocol: UpstreamProtocol;
  readonly pool: PoolOptions;
  readonly share?: number;
  readonly fault?: Fault;
}

/** Something to report at one option. */
export interface OptionNote {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly token: Token;
  readonly hint?: string;
}

/** Every option of Fabio and of ours. */
const KNOWN = [
  'strip',
  'prepend',
  'proto',
  'host',
  'tlsskipverify',
  'weight',
  'redirect',
  'auth',
  'allow',
  'deny',
  'pxyproto',
  'grpcservername',
  'register',
  'lb',
  'sticky',
];
const BALANCING: ReadonlyMap<string, LoadBalancing> = new Map([
  ['round_robin', 'roundRobin'],
  ['random', 'random'],
  ['least_conn', 'leastConnections'],
  ['ip_hash', 'ipHash'],
]);

/**
 * The reading of one tag's options: each is looked up by key, the last of equal keys counts (fabiolb/fabio:route/route.go addTarget).
 */
export function parseOptions(
  options: readonly Option[],
  { pathText }: { readonly pathText: string },
): { readonly options: FabioOptions; readonly notes: readonly OptionNote[] } {
  const last = new Map(options.map((option) => [option.key, option]));
  const notes: OptionNote[] = options.filter((option) => last.get(option.key) !== option).map(duplicate);
  const note = (code: DiagnosticCode, option: Option, message: string, hint?: string): void =>
    void notes.push({ code, message, token: option.token, ...(hint !== undefined && { hint }) });
  const faults: Fault[] = [];
  const protect = (code: DiagnosticCode, option: Option, message: string): void => {
    note(code, option, message);
    faults.push({ kind: 'protective', code });
  };
  const refuse = (code: DiagnosticCode, option: Option, message: string): void => {
    note(code, option, message);
    faults.push({ kind: 'quarantined', code });
  };

  for (const option of last.values()) if (!KNOWN.includes(option.key)) notes.push(unknown(option));
  const access = readAccess(last);
  for (const { code, message, option, withholds } of access.notes) (withholds ? protect : note)(code, option, message);
  const protocol = readProtocol();
  const target = readHost(protocol);
  const redirect = readRedirect();
  const share = readWeight();
  const value: FabioOptions = {
    middlewares: [...access.middlewares, ...readPaths()],
    action: redirect ? { kind: 'redirect', redirect } : { kind: 'forward' },
    protocol,
    pool: {
      transport: { skipVerify: protocol === 'https' && last.get('tlsskipverify')?.value === 'true', ...target.transport },
      upstreamHost: target.upstreamHost,
      loadBalancing: readBalancing(),
    },
    ...(share !== undefined && { share }),
  };
  readUnserved();
  const fault = faults.find(({ kind }) => kind === 'protective') ?? faults[0];
  return { options: { ...value, ...(fault && { fault }) }, notes };

  function readProtocol(): UpstreamProtocol {
    const option = last.get('proto');
    if (!option || option.value === 'http') return 'http';
    if (option.value === 'https' || option.value === 'tcp') return option.value;
    if (option.value === 'grpc' || option.value === 'grpcs') {
      refuse('FABIO_OPTION_UNSERVED', option, `\`proto=${option.value}\` is not served yet; the route answers 503`);
      return option.value === 'grpc' ? 'h2c' : 'https';
    }
    note(
      'FABIO_PROTO_UNKNOWN',
      option,
      `"${option.value}" is no protocol that a tag can set; the upstream stays http`,
      'Use https, grpc, grpcs or tcp',
    );
    return 'http';
  }

  function readHost(upstream: UpstreamProtocol): {
    readonly upstreamHost: UpstreamHost;
    readonly transport: Partial<Pick<Transport, 'serverName'>>;
  } {
    const option = last.get('host');
    if (!option || option.value === '') return { upstreamHost: { kind: 'client' }, transport: {} };
    if (option.value === 'dst') return { upstreamHost: { kind: 'endpoint' }, transport: {} };
    const host = parseHostname(option.value);
    if (host === undefined) {
      refuse('FABIO_OPTION_VALUE', option, `Cannot send Host "${option.value}": expected a host name or \`dst\``);
      return { upstreamHost: { kind: 'client' }, transport: {} };
    }
    return { upstreamHost: { kind: 'fixed', host }, transport: upstream === 'https' ? { serverName: host } : {} };
  }

  function readPaths(): readonly Middleware[] {
    const middlewares: Middleware[] = [];
    const strip = last.get('strip');
    if (strip?.value) {
      if (!pathText.startsWith(strip.value))
        note(
          'FABIO_STRIP_OUTSIDE_PATH',
          strip,
          `"${strip.value}" is no prefix of "${pathText}"; it is cut only where it fits, as in Fabio`,
        );
      if (strip.value.startsWith('/')) middlewares.push({ kind: 'stripPrefix', prefixes: [strip.value] });
    }
    const prepend = last.get('prepend');
    if (prepend?.value)
      middlewares.push({ kind: 'addPrefix', prefix: prepend.value.startsWith('/') ? prepend.value : `/${prepend.value}` });
    return middlewares;
  }

  function readRedirect(): Redirect | undefined {
    const option = last.get('redirect');
    if (!option) return undefined;
    const redirect = parseRedirect(option.value);
    if ('code' in redirect) {
      refuse(redirect.code, option, redirect.message);
      return undefined;
    }
    const proto = last.get('proto');
    if (proto) refuse('FABIO_REDIRECT_PROTO', proto, '`proto` beside `redirect`: Fabio would redirect to the instance');
    return redirect;
  }

  function readWeight(): number | undefined {
    const option = last.get('weight');
    if (!option || option.value === '') return undefined;
    const weight = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(option.value) ? Number(option.value) : Number.NaN;
    if (!Number.isFinite(weight)) {
      refuse(
        'FABIO_WEIGHT_NOT_NUMBER',
        option,
        `Cannot use the weight "${option.value}": expected a number such as 0.2; Fabio would stop updating`,
      );
      return undefined;
    }
    return weight > 0 ? weight : undefined;
  }

  function readBalancing(): LoadBalancing {
    const option = last.get('lb');
    if (!option) return 'random';
    const policy = BALANCING.get(option.value);
    if (policy) note('FABIO_OPTION_EXTENSION', option, '`lb` is an extension; Fabio ignores it');
    else
      note(
        'FABIO_EXTENSION_VALUE',
        option,
        `Cannot balance by "${option.value}": expected one of ${[...BALANCING.keys()].join(', ')}; random is used`,
      );
    return policy ?? 'random';
  }

  function readUnserved(): void {
    const register = last.get('register');
    if (register) note('FABIO_REGISTER_IGNORED', register, '`register` has no counterpart; it is ignored');
    const sticky = last.get('sticky');
    if (sticky) note('FABIO_OPTION_UNSERVED', sticky, '`sticky` is not served yet; the route is served without it');
    for (const key of ['pxyproto', 'grpcservername']) {
      const option = last.get(key);
      if (option) refuse('FABIO_OPTION_UNSERVED', option, `\`${key}\` is not served yet; the route answers 503`);
    }
  }
}

function duplicate({ key, token }: Option): OptionNote {
  return { code: 'FABIO_OPTION_DUPLICATE', message: `\`${key}\` is given again later; the last one counts`, token };
}

function unknown({ key, token }: Option): OptionNote {
  const meant = nearest(key, KNOWN);
  const hint = meant === undefined ? {} : { hint: `Did you mean \`${meant}\`?` };
  return { code: 'FABIO_OPTION_UNKNOWN', message: `Fabio knows no option "${key}"; it is ignored`, token, ...hint };
}
