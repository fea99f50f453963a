import { nearest } from '../../lib/nearest.ts';
import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report, type TagSpan } from '../../model/diagnostic.ts';
import type { RouteMatch } from '../../model/match.ts';
import { parseHostname, parsePort } from '../../model/names.ts';
import type { EntryPointChoice } from '../../model/entry-point.ts';
import type { Fault, Reference, RouteIntent } from '../../model/intent.ts';
import type { LoadBalancing, UpstreamHost, UpstreamProtocol } from '../../model/pool.ts';
import type { Dialect } from '../dialect.ts';
import { itemsOf, lexLabels, type Item, type Label } from './labels.ts';
import { listOf, parseBool, readMiddleware, type ReadMiddlewares, type Tell } from './middlewares.ts';
import { readRule, type ReadRule } from './rule/read-rule.ts';

/** What the operator's configuration says about Traefik labels. */
export interface TraefikSettings {
  readonly prefix: string;
  readonly exposedByDefault: boolean;
  /** Host of services without a rule, with `{name}` and `{suffix}`. */
  readonly defaultRule: string;
  readonly domainSuffix: string;
}

/** The dialect of Traefik 3 labels (traefik/traefik:pkg/provider/consulcatalog): routers, services and middlewares of one instance. */
export function createTraefikDialect(settings: TraefikSettings): Dialect {
  const start = settings.prefix.toLowerCase();
  return {
    name: 'traefik',
    claims: (tag) => tag.trimStart().toLowerCase().startsWith(start) && tag.includes('='),
    parse: (instance, report) => ({ intents: parseInstance(instance, settings, report), definitions: [] }),
  };
}

interface Context {
  readonly instance: ServiceInstance;
  readonly settings: TraefikSettings;
  readonly labels: readonly Label[];
  readonly tell: Tell;
}

const FIELDS = new Map([
  [
    'routers',
    [
      'rule',
      'entrypoints',
      'priority',
      'tls',
      'tls.certresolver',
      'tls.options',
      'tls.passthrough',
      'middlewares',
      'service',
      'rulesyntax',
    ],
  ],
  [
    'services',
    ['server.port', 'server.scheme', 'server.weight', 'server.url', 'passhostheader', 'strategy', 'serverstransport'].map(
      (field) => `loadbalancer.${field}`,
    ),
  ],
]);
const KNOWN_PARTS =
  /^(?:tls\.(?:domains\[\d+\]\.(?:main|sans)|certresolver|options)|observability\..*|rulesyntax|loadbalancer\.(?:sticky|healthcheck|passivehealthcheck|responseforwarding|proxyprotocol|middlewares|server\.(?:preservepath|tls|address)).*)$/;
const FILE_ONLY = /^(?:weighted|highestrandomweight|mirroring|failover|parentrefs|tls\.certificates)/;

function parseInstance(instance: ServiceInstance, settings: TraefikSettings, report: Report): readonly RouteIntent[] {
  const labels = lexLabels(instance, settings.prefix);
  const tell: Tell = (code, message, span, hint) => report(diagnose(code, message, { span, hint }));
  if (!isEnabled(labels, settings, tell)) return [];
  for (const label of labels) reportStranger(label, tell);
  const context = { instance, settings, labels, tell };
  const routers = itemsOf(labels, 'http.routers');
  const services = itemsOf(labels, 'http.services');
  const other = labels.some(({ key }) => /^(?:tcp|udp)\./.test(key));
  // a router under a refused name is still somebody's wish: the default host was not asked for
  const named = labels.some(({ key }) => key.startsWith('http.routers.'));
  const implicit = !named && (!other || services.size > 0);
  const wanted: readonly Item[] = implicit ? [{ name: normalised(instance), fields: new Map() }] : [...routers.values()];
  const http = wanted.flatMap((router) => readRouter(router, 'http', context));
  const tcp = [...itemsOf(labels, 'tcp.routers').values()].flatMap((router) => readRouter(router, 'tcp', context));
  return [...http, ...tcp];
}

function isEnabled(labels: readonly Label[], { exposedByDefault }: TraefikSettings, tell: Tell): boolean {
  const enable = labels.find(({ key }) => key === 'enable');
  const [first] = labels;
  if (!enable) {
    if (!exposedByDefault && first)
      tell('TRAEFIK_NOT_ENABLED', 'The labels are not read: there is no `traefik.enable=true`', first.valueSpan);
    return exposedByDefault;
  }
  const { value, valueSpan } = enable;
  // blanks around `=` hide the label from Traefik's own query
  const blanks = !valueSpan.tag.toLowerCase().includes(`.enable=${value.toLowerCase()}`);
  if (value.toLowerCase() === 'true' && !blanks) return true;
  if (parseBool(value) === false) tell('TRAEFIK_NOT_ENABLED', 'The labels are not read: they are switched off', valueSpan);
  else tell('TRAEFIK_ENABLE_SPELLING', `"${value}" does not enable: expected exactly \`traefik.enable=true\``, valueSpan);
  return false;
}

function reportStranger({ key, segments, valueSpan }: Label, tell: Tell): void {
  const [root = '', kind = '', name = '', ...rest] = key.split('.');
  const field = rest.join('.');
  const nameSpan = segments[2]?.span ?? valueSpan;
  if (/^(?:enable|tags|consulcatalog|nomad|connect)$/.test(root)) return;
  if (root === 'udp') return tell('TRAEFIK_LABEL_UNSERVED', 'Cannot serve UDP: it gets no route', valueSpan);
  if (root === 'tls') return tell('TRAEFIK_FEATURE_REFUSED', 'Cannot use TLS stores from a label', valueSpan);
  if (/^(?:frontend|backend|frontends|backends|protocol|port|weight|domain)$/.test(root))
    return tell(
      'TRAEFIK_LABEL_UNKNOWN',
      `Label "${key}" is of Traefik 1; served without it`,
      valueSpan,
      'Write traefik.http.routers.NAME.rule',
    );
  const known = /^(?:http|tcp)$/.test(root) && /^(?:routers|services|middlewares|serverstransports)$/.test(kind) && field !== '';
  if (known && name.includes('@')) return tell('TRAEFIK_NAME_SYNTAX', `Cannot use name "${name}": it holds "@"`, nameSpan);
  if (known && (kind === 'serverstransports' || FILE_ONLY.test(field)))
    return tell('TRAEFIK_LABEL_FILE_ONLY', `Label "${key}" is read from files only; served without it`, valueSpan);
  if (known && kind === 'middlewares') return;
  const fields = FIELDS.get(kind) ?? [];
  if (known && fields.includes(field)) return;
  if (known && KNOWN_PARTS.test(field)) return tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve "${field}": served without it`, valueSpan);
  const near = nearest(field, fields);
  tell(
    'TRAEFIK_LABEL_UNKNOWN',
    `There is no label "${key}"; served without it`,
    segments.at(-1)?.span ?? valueSpan,
    near && `Did you mean ${near}?`,
  );
}

function readRouter(router: Item, kind: 'http' | 'tcp', context: Context): readonly RouteIntent[] {
  const { instance, tell } = context;
  const whole = tagSpan(instance, 0);
  const field = (name: string): Label | undefined => router.fields.get(name);
  const rule = field('rule');
  const read = rule ? ruleOf(rule, kind, tell) : defaultRule(context, kind);
  const service = readService(router, kind, context);
  let fault = service.fault;
  const fail = (next: Fault): void => {
    if (fault?.kind !== 'protective') fault = next;
  };
  if (router.twice) {
    tell('TRAEFIK_NAME_TWICE', `Cannot serve router "${router.name}": one label has two values`, router.twice.valueSpan);
    fail({ kind: 'quarantined', code: 'TRAEFIK_NAME_TWICE' });
  }
  const middlewares = readList(field('middlewares'), kind, context, 0);
  if (middlewares.fault) fail(middlewares.fault);
  const tlsLabel = field('tls');
  const tlsValue = tlsLabel ? parseBool(tlsLabel.value) : undefined;
  if (tlsLabel && tlsValue === undefined) {
    tell('TRAEFIK_LABEL_VALUE', `Cannot use "${tlsLabel.value}" as tls, expected true or false`, tlsLabel.valueSpan);
    fail({ kind: 'quarantined', code: 'TRAEFIK_LABEL_VALUE' });
  }
  const tls = tlsValue ?? [...router.fields.keys()].some((name) => name.startsWith('tls'));
  const options = field('tls.options');
  if (options) {
    tell(
      'TRAEFIK_PROTECTION_UNSERVED',
      'Cannot enforce tls.options: they may ask client certificates, the route answers 503',
      options.valueSpan,
    );
    fail({ kind: 'protective', code: 'TRAEFIK_PROTECTION_UNSERVED' });
  }
  const resolver = field('tls.certresolver');
  if (resolver)
    tell('TRAEFIK_LABEL_UNSERVED', 'The certificate resolver is not used: served with the configured certificates', resolver.valueSpan);
  const names = listOf(field('entrypoints')?.value ?? '');
  const passthrough = kind === 'tcp' && parseBool(field('tls.passthrough')?.value ?? '') === true;
  if (kind === 'tcp' && tls && !passthrough) {
    const span = [...router.fields].find(([name]) => name.startsWith('tls'))?.[1].valueSpan ?? whole;
    tell('TRAEFIK_LABEL_UNSERVED', `Cannot end TLS for TCP router "${router.name}": it gets no route`, span);
    return [];
  }
  const entryPoints: EntryPointChoice =
    kind === 'tcp'
      ? { kind: 'tcp', ...(names.length > 0 && { names }) }
      : names.length > 0
        ? { kind: 'named', names, tls }
        : { kind: tls ? 'tls' : 'plain' };
  const priority = readNumber(field('priority'), tell);
  const { endpoint, protocol, transport, loadBalancing, weight } = service;
  const upstreamHost = middlewares.upstreamHost ?? service.upstreamHost;
  const spans = [
    ...(rule ? [rule.valueSpan] : []),
    ...[...router.fields.values()].filter((label) => label !== rule).map((label) => label.valueSpan),
  ];
  return read.matches.flatMap((match): readonly RouteIntent[] => {
    if (kind === 'tcp' && (match.conditions.length > 0 || (match.host.kind !== 'any' && !passthrough))) {
      const message =
        match.conditions.length > 0
          ? 'Cannot serve conditions of a TCP rule: it gets no route'
          : 'A name in HostSNI never matches without TLS';
      tell(match.conditions.length > 0 ? 'TRAEFIK_RULE_UNSERVED' : 'TRAEFIK_RULE_NEVER', message, rule?.valueSpan ?? whole);
      return [];
    }
    return [
      {
        dialect: 'traefik',
        owner: instance.owner,
        service: instance.service,
        spans: spans.length > 0 ? spans : [whole],
        entryPoints,
        match,
        pathForm: 'clean',
        middlewares: middlewares.middlewares,
        action: { kind: 'forward' },
        protocol,
        pool: { transport: { skipVerify: false }, upstreamHost, loadBalancing },
        ...(transport && { transport }),
        endpoint,
        name: router.name,
        ruleLength: read.length,
        ...(weight !== undefined && { weight }),
        ...(priority !== undefined && priority > 0 && { priority }),
        ...(passthrough && { tcpTls: 'passthrough' as const }),
        ...(fault && { fault }),
      },
    ];
  });
}

function ruleOf(
  { value, valueSpan }: Label,
  kind: 'http' | 'tcp',
  tell: Tell,
): { readonly matches: readonly RouteMatch[]; readonly length: number } {
  const read: ReadRule = readRule(value, kind);
  for (const { code, message, start, end, hint } of read.problems)
    tell(code, message, { ...valueSpan, start: valueSpan.start + start, end: valueSpan.start + end }, hint);
  return { matches: read.matches, length: value.length };
}

function defaultRule(
  { instance, settings, tell }: Context,
  kind: 'http' | 'tcp',
): { readonly matches: readonly RouteMatch[]; readonly length: number } {
  const span: TagSpan = tagSpan(instance, 0);
  const text = settings.defaultRule.replaceAll('{name}', () => normalised(instance)).replaceAll('{suffix}', () => settings.domainSuffix);
  const host = parseHostname(text);
  if (kind === 'tcp' || host === undefined) {
    tell(
      'TRAEFIK_RULE_SYNTAX',
      kind === 'tcp' ? 'Cannot serve the TCP router: it has no rule' : `Cannot use default host "${text}": it is no host name`,
      span,
    );
    return { matches: [], length: 0 };
  }
  tell('TRAEFIK_RULE_DEFAULT', `No rule is given: served at "${host}"`, span);
  return {
    matches: [{ host: { kind: 'exact', host, port: 'any' }, path: { kind: 'any' }, conditions: [] }],
    length: text.length + 'Host(``)'.length,
  };
}

interface ReadService {
  readonly endpoint: RouteIntent['endpoint'];
  readonly protocol: UpstreamProtocol;
  readonly transport?: Reference;
  readonly upstreamHost: UpstreamHost;
  readonly loadBalancing: LoadBalancing;
  readonly weight?: number;
  readonly fault?: Fault;
}

function readService(router: Item, kind: 'http' | 'tcp', { instance, labels, tell }: Context): ReadService {
  const services = itemsOf(labels, `${kind}.services`);
  const reference = router.fields.get('service');
  const wanted = reference?.value.toLowerCase().replace(/@(?:consulcatalog|nomad)$/, '');
  const where = reference?.valueSpan ?? [...router.fields.values()][0]?.valueSpan ?? tagSpan(instance, 0);
  const isAmbiguous = wanted === undefined && services.size > 1;
  const item = isAmbiguous ? undefined : wanted === undefined ? [...services.values()][0] : services.get(wanted);
  let fault: Fault | undefined;
  if (isAmbiguous) {
    tell('TRAEFIK_SERVICE_AMBIGUOUS', `Cannot serve router "${router.name}": it names none of ${services.size} services`, where);
    fault = { kind: 'quarantined', code: 'TRAEFIK_SERVICE_AMBIGUOUS' };
  }
  if (wanted !== undefined && !item && !(services.size === 0 && wanted === normalised(instance).toLowerCase())) {
    tell('TRAEFIK_REFERENCE_UNKNOWN', `Cannot find service "${reference?.value ?? ''}": the route answers 503`, where);
    fault = { kind: 'protective', code: 'TRAEFIK_REFERENCE_UNKNOWN' };
  }
  const field = (name: string): Label | undefined => item?.fields.get(`loadbalancer.${name}`);
  const bad = (label: Label, expected: string, code: 'TRAEFIK_LABEL_VALUE' | 'TRAEFIK_SERVER_URL' = 'TRAEFIK_LABEL_VALUE'): void => {
    tell(code, `Cannot use "${label.value}", expected ${expected}; the route answers 503`, label.valueSpan);
    if (fault?.kind !== 'protective') fault = { kind: 'quarantined', code };
  };
  const port = field('server.port');
  const replaced = port && parsePort(port.value);
  if (port && replaced === undefined) bad(port, 'a port from 1 to 65535');
  else if (port) tell('TRAEFIK_SERVER_PORT', `Port ${port.value} replaces the registered port ${instance.port}`, port.valueSpan);
  const url = field('server.url');
  if (url) bad(url, 'server.port: a tag may not name an address', 'TRAEFIK_SERVER_URL');
  const proxyProtocol = [...(item?.fields ?? [])].find(([name]) => name.startsWith('loadbalancer.proxyprotocol'));
  if (proxyProtocol) fault ??= { kind: 'quarantined', code: 'TRAEFIK_LABEL_UNSERVED' };
  const scheme = field('server.scheme');
  const protocol = (['http', 'https', 'h2c'] as const).find((known) => known === (scheme?.value.toLowerCase() ?? 'http'));
  if (scheme && !protocol) bad(scheme, 'http, https or h2c');
  const passHost = field('passhostheader');
  const pass = passHost ? parseBool(passHost.value) : true;
  if (passHost && pass === undefined) bad(passHost, 'true or false');
  const strategy = field('strategy');
  const policies = new Map<string, LoadBalancing>([
    ['wrr', 'roundRobin'],
    ['p2c', 'leastConnections'],
    ['hrw', 'ipHash'],
  ]);
  const loadBalancing = policies.get(strategy?.value.toLowerCase() ?? 'wrr');
  if (strategy && !loadBalancing)
    tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve strategy "${strategy.value}": round robin is used`, strategy.valueSpan);
  const weight = readNumber(field('server.weight'), tell);
  const link = field('serverstransport');
  const name = link?.value.replace(/@file$/, '') ?? '';
  const transport: Reference | undefined = link && {
    kind: 'reference',
    to: 'transport',
    name,
    span: link.valueSpan,
    code: 'TRAEFIK_REFERENCE_UNKNOWN',
  };
  return {
    endpoint: { address: instance.address, port: replaced ?? instance.port },
    protocol: kind === 'tcp' ? 'tcp' : (protocol ?? 'http'),
    ...(transport && { transport }),
    upstreamHost: { kind: pass === false ? 'endpoint' : 'client' },
    loadBalancing: loadBalancing ?? 'roundRobin',
    ...(weight !== undefined && { weight: Math.max(0, weight) }),
    ...(fault && { fault }),
  };
}

function readList(label: Label | undefined, kind: 'http' | 'tcp', context: Context, depth: number): ReadMiddlewares {
  const { labels, tell } = context;
  const items = itemsOf(labels, `${kind}.middlewares`);
  const unknown: ReadMiddlewares = { middlewares: [], fault: { kind: 'protective', code: 'TRAEFIK_REFERENCE_UNKNOWN' } };
  let all: ReadMiddlewares = { middlewares: [] };
  for (const name of listOf(label?.value ?? '')) {
    const item = items.get(name.toLowerCase().replace(/@(?:consulcatalog|nomad)$/, ''));
    const policy = name.endsWith('@file') ? name.slice(0, -'@file'.length) : undefined;
    const span = label
      ? {
          ...label.valueSpan,
          start: label.valueSpan.start + label.value.indexOf(name),
          end: label.valueSpan.start + label.value.indexOf(name) + name.length,
        }
      : tagSpan(context.instance, 0);
    let next = unknown;
    if (policy !== undefined)
      next = { middlewares: [{ kind: 'reference', to: 'policy', name: policy, span, code: 'TRAEFIK_REFERENCE_UNKNOWN' }] };
    else if (item?.fields.has('chain.middlewares') && depth < 8)
      next = readList(item.fields.get('chain.middlewares'), kind, context, depth + 1);
    else if (item) next = readMiddleware(item, tell);
    else
      tell('TRAEFIK_REFERENCE_UNKNOWN', `Cannot find middleware "${name}": the route answers 503`, span, nearest(name, [...items.keys()]));
    const fault = all.fault?.kind === 'protective' ? all.fault : (next.fault ?? all.fault);
    const upstreamHost = next.upstreamHost ?? all.upstreamHost;
    all = { middlewares: [...all.middlewares, ...next.middlewares], ...(upstreamHost && { upstreamHost }), ...(fault && { fault }) };
  }
  return all;
}

function readNumber(label: Label | undefined, tell: Tell): number | undefined {
  if (!label) return undefined;
  if (/^[+-]?\d{1,19}$/.test(label.value)) return Number(label.value);
  tell('TRAEFIK_LABEL_VALUE', `Cannot use "${label.value}", expected an integer; the default is used`, label.valueSpan);
  return undefined;
}

function normalised({ service }: ServiceInstance): string {
  return service.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
}
