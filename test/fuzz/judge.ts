import { evaluate } from '../../src/compile/evaluate.ts';
import type { Reading } from '../../src/compile/candidates.ts';
import { buildTable } from '../../src/compile/compile.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import { once } from '../../src/lib/memo.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { RenderedConfig } from '../../src/model/rendered.ts';
import type { ProxyRequest } from '../../src/model/request.ts';
import type { Route, RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { fitTable } from '../../src/targets/fit.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { bystanders, bystandersOnCaddy, bystandersOnTraefik, BYSTANDER_SUFFIX } from '../support/bystanders.ts';
import { CASE_DIALECTS, instanceOf, OPTIONS } from '../support/intents.ts';
import { CANARY, MARK } from './attacks.ts';
import { VICTIM_OWNER } from './generator.ts';

/** Where there is a wide route at all, the sites of Caddy end in asking the wide ones. */
const WIDE = instanceOf('wide', { owner: VICTIM_OWNER, address: '127.1.0.2', tags: ['urlprefix-*.elsewhere.test/'] });
/** The victim, in all dialects. */
const VICTIMS: readonly ServiceInstance[] = [
  ...bystanders(10, { owner: VICTIM_OWNER, modifyIndex: 1, address: '127.1.0.1' }).filter(
    ({ instance }) => /^good[024578]-1$/.test(instance) || instance === 'good9-1',
  ),
  WIDE,
];
const VICTIM_HOSTS = new Set(
  VICTIMS.flatMap(({ tags }) => tags.flatMap((tag) => tag.match(/(?<![a-z0-9-])[a-z0-9-]+\.bystander\.test/g) ?? [])),
);
const TARGETS = [caddyTarget, traefikTarget] as const;

/** A configuration with strangers in it. */
export interface Rendering {
  readonly table: RoutingTable;
  readonly diagnostics: readonly Diagnostic[];
  readonly caddy: RenderedConfig;
  readonly traefik: RenderedConfig;
}

/** Judges what strangers come to beside the victim. */
export interface Judge {
  /** Reads the tags of a stranger; what it says is remembered for that object. */
  read(stranger: ServiceInstance): void;
  render(strangers: readonly ServiceInstance[]): Rendering;
  /** Everything that is wrong with a configuration; empty where nothing is. */
  problemsOf(rendering: Rendering): readonly string[];
}

/** A judge of configurations with these settings. */
export function createJudge(settings: RenderSettings): Judge {
  const victims = VICTIMS.map(readingOf);
  const options = { ...OPTIONS, entryPoints: settings.entryPoints };
  let known: Rendering | undefined;
  const alone = render([]);
  known = alone;
  const wanted = { parts: partsOf(alone), answers: answersOf(alone.table) };
  const wide = alone.table.routes.filter(({ match }) => match.host.kind !== 'exact').length;
  const internals = internalsIn(contentOf(alone.traefik));
  if (wanted.parts.length < 25 || wanted.answers.some((answer) => !answer.includes('forward') && !answer.includes('redirect')))
    throw new RangeError('Cannot judge: the victim is not served');
  return { read: readingOf, render, problemsOf };

  function render(strangers: readonly ServiceInstance[]): Rendering {
    const { value, diagnostics } = buildTable([...victims, ...strangers.map(readingOf)], { options, claims: new Map() });
    if (known !== undefined && value.table.digest === known.table.digest) return { ...known, table: value.table, diagnostics };
    const [caddy, traefik] = TARGETS.map((target) => target.render(value.table, settings));
    if (!caddy || !traefik) throw new RangeError('Cannot render');
    return {
      table: value.table,
      diagnostics: [...diagnostics, ...caddy.diagnostics, ...traefik.diagnostics],
      caddy: caddy.value,
      traefik: traefik.value,
    };
  }

  function problemsOf(rendering: Rendering): readonly string[] {
    const { routes } = rendering.table;
    const silent = rendering.diagnostics.find(({ severity, hint }) => severity !== 'info' && (hint ?? '') === '');
    const unsaid = silent ? [`${silent.code} does not say what to do`] : [];
    if (rendering.table.digest === alone.table.digest) return unsaid;
    const isYielding = mayYield(routes);
    const parts = new Set(partsOf(rendering));
    const changed = isYielding ? [] : wanted.parts.filter((part) => !parts.has(part));
    return [
      ...unsaid,
      ...changed.slice(0, 1).map((part) => `victim changed: ${part.slice(0, 200)}`),
      ...(isYielding ? [] : takenIn(rendering.table)),
      ...routes
        .filter(isIntruder)
        .slice(0, 1)
        .map(({ id }) => `${id} has a host of the victim`),
      ...forbiddenIn(contentOf(rendering.caddy), 'Caddyfile'),
      ...forbiddenIn(contentOf(rendering.traefik), 'Traefik file'),
      ...(internalsIn(contentOf(rendering.traefik)) === internals ? [] : ['forbidden in the Traefik file: another @internal']),
    ];
  }

  /** Requests of the victim that something else answers; only a route that is not for one host alone could. */
  function takenIn(table: RoutingTable): readonly string[] {
    if (table.routes.filter(({ match }) => match.host.kind !== 'exact').length === wide) return [];
    return answersOf(table)
      .filter((answer, index) => answer !== wanted.answers[index])
      .slice(0, 1)
      .map((answer) => `victim answers otherwise: ${answer}`);
  }

  /** What the victim's requests come to, by the table. */
  function answersOf(table: RoutingTable): readonly string[] {
    const { value: fitted } = fitTable(caddyTarget, table, settings);
    const context = { proxy: caddyTarget.reading(settings), trustedProxies: settings.trustedProxies };
    return requestsTo(settings).map((request) => {
      const { route, outcomes } = evaluate(fitted, request, context);
      return `${request.entryPoint.name} ${request.host}${request.url.path} ${route?.id ?? ''} ${JSON.stringify(outcomes.map(({ answer }) => answer))} ${route?.action.kind ?? ''}`;
    });
  }
}

/** A request to each host of the victim, on both kinds of entry points, where its route takes every path or a special one. */
function requestsTo({ entryPoints }: RenderSettings): readonly ProxyRequest[] {
  const served: readonly (readonly [host: string, path: string, tls: boolean])[] = [
    ['good0', '/x', false],
    ['good2', '/', false],
    ['good4', '/x', true],
    ['api-good5', '/v1/x', true],
    ['good7', '/', false],
    ['good8', '/api/x', false],
    ['good9', '/', true],
  ];
  return served.flatMap(([name, path, tls]) => {
    const [entryPoint, url] = [entryPoints.find((one) => one.protocol === 'http' && one.tls === tls), parseGoUrl(path)];
    return entryPoint && url ? [{ entryPoint, method: 'GET', host: `${name}${BYSTANDER_SUFFIX}`, url, headers: [], ip: '192.0.2.1' }] : [];
  });
}

/** A route of another owner for an exact host of the victim. */
function isIntruder({ owner, match: { host } }: Route): boolean {
  return owner !== VICTIM_OWNER && host.kind === 'exact' && VICTIM_HOSTS.has(host.host);
}

/** Whether a wide route of the victim's own owner comes before one of its own, as dialects say: then it may take its requests. */
function mayYield(routes: readonly Route[]): boolean {
  const last = routes.findLastIndex(({ match: { host } }) => host.kind === 'exact' && host.host.endsWith(BYSTANDER_SUFFIX));
  return routes
    .slice(0, last)
    .some(({ owner, services, match: { host } }) => owner === VICTIM_OWNER && host.kind !== 'exact' && !services.includes(WIDE.service));
}

/** What the tags of an instance say, read once for all configurations that it is in. */
const readingOf = once((instance: ServiceInstance): Reading => {
  const { value, diagnostics } = readTags(instance, CASE_DIALECTS);
  return { instance, local: true, ...value, diagnostics };
});

function contentOf({ files }: RenderedConfig): string {
  return files[0]?.content ?? '';
}

function partsOf({ caddy, traefik }: Pick<Rendering, 'caddy' | 'traefik'>): readonly string[] {
  return [...bystandersOnCaddy(contentOf(caddy)).map(withoutWideFailures), ...bystandersOnTraefik(contentOf(traefik))];
}

/** A site without what it does where a wide route fails that it asks: each such part acts on the requests of that route alone. */
function withoutWideFailures(site: string): string {
  return site.replace(/\n\thandle_errors \{\n(?:\t\t.*\n)+\t\}/, (block) => (/vars error_pages (?!w\d)/.test(block) ? block : ''));
}

/** What no file of ours may hold, whatever tags say. */
const FORBIDDEN: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a control character', /[^\P{Cc}\n\t]/u],
  ['a character outside ASCII', /[^\0-\x7f]/],
  ['a template', /\{\{/],
  ['a variable', /\{(?:\$|env\.|file\.|system\.)/],
  ['a placeholder of a tag', new RegExp(`(?<!\\\\)\\{[a-z][a-z0-9_.-]*${MARK}[^{}\\n]*\\}`)],
  ['the secret', new RegExp(CANARY.value)],
  ['a name of JavaScript', /"__proto__":/],
];

function forbiddenIn(content: string, file: string): readonly string[] {
  return FORBIDDEN.flatMap(([name, pattern]) => {
    const found = pattern.exec(content);
    return found
      ? [`forbidden in the ${file}: ${name} in ${JSON.stringify(content.slice(Math.max(0, found.index - 60), found.index + 60))}`]
      : [];
  });
}

function internalsIn(traefik: string): number {
  return traefik.split(/"(?:service|name)": "[^"]*@internal"|"middlewares": \[[^\]]*@internal"/).length;
}
