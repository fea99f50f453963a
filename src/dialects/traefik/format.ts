import { shortHash } from '../../lib/hash.ts';
import { groupBy } from '../../lib/sort.ts';
import { slug } from '../../lib/text.ts';
import type { Report } from '../../model/diagnostic.ts';
import { isSecondary, protocolOf } from '../../model/entry-point.ts';
import type { PoolMember, RouteIntent } from '../../model/intent.ts';
import { matchKey } from '../../model/match.ts';
import type { FormatContext, TagFormatter } from '../dialect.ts';
import { withLedToTls } from '../led-to-tls.ts';
import { faultLosses, impossible, isWhole, reportLosses, unsupported, type Loss } from '../loss.ts';
import { writtenOf } from '../written.ts';
import { normalisedName, type TraefikSettings } from './context.ts';
import { chainText, type ChainText } from './format/chain.ts';
import { isLost, namedPart, tagsOf, type FieldText, type Part } from './format/parts.ts';
import { isPlain } from './format/read-back.ts';
import { referenceName } from './format/middlewares.ts';
import { routerText } from './format/router.ts';
import { neutralField, serviceText, type ServiceText } from './format/services.ts';

/**
 * A formatter that writes Traefik 3 labels. Names of routers, services and middlewares are made of the service's name and of what they
 * say, so equal intents give equal tags. A route on plain and TLS entry points becomes two routers with one priority.
 */
export function createTraefikFormatter({ prefix }: Pick<TraefikSettings, 'prefix'>): TagFormatter {
  return {
    name: 'traefik',
    spelledOut: withLedToTls,
    format(intents, context, report) {
      const asked = intents.filter(({ entryPoints }) => !isSecondary(entryPoints));
      const refused = asked.filter((intent) => wholeLosses(intent).length > 0);
      for (const intent of refused) reportLosses(intent, wholeLosses(intent), 'traefik', report);
      const printed = printJobs(jobsOf(asked.filter((intent) => !refused.includes(intent))), context, report);
      const tagged = printed.flatMap(({ spans, parts = [] }) => (parts.length === 0 ? [] : [{ tag: `${prefix}.enable=true`, spans }]));
      const labels = SECTIONS.flatMap((end) =>
        printed.flatMap(({ spans, parts = [] }) =>
          parts.flatMap((part) => (part.section.endsWith(end) ? tagsOf(part, prefix).map((tag) => ({ tag, spans })) : [])),
        ),
      );
      return writtenOf([...tagged, ...labels], [...refused, ...printed.filter(({ parts }) => !parts)]);
    },
  };
}

/** Routers, then services, then middlewares. */
const SECTIONS = ['routers', 'services', 'middlewares'] as const;

/** One route that is to be printed: intents that differ in nothing but their match. */
interface Job {
  readonly group: readonly RouteIntent[];
  readonly intent: RouteIntent;
  readonly protocol: 'http' | 'tcp' | 'udp';
}

/** The labels of one route, absent where it cannot be said, and where it stands. */
interface Printed extends Pick<RouteIntent, 'spans'> {
  readonly parts?: readonly Part[];
}

function printJobs(jobs: readonly Job[], context: FormatContext, report: Report): readonly Printed[] {
  const services = servicesOf(jobs, context);
  return jobs.map((job) => {
    const parts = printJob(job, { context, services, report });
    return { spans: job.group.flatMap(({ spans }) => spans), ...(parts && { parts }) };
  });
}

/** Intents of one router of a rule with alternatives stay together. */
function jobsOf(intents: readonly RouteIntent[]): readonly Job[] {
  return groupsOf(intents).flatMap((group): readonly Job[] => {
    const [intent] = group;
    return intent ? [{ group, intent, protocol: protocolOf(intent.entryPoints) }] : [];
  });
}

function groupsOf(intents: readonly RouteIntent[]): readonly (readonly RouteIntent[])[] {
  const isUnnamed = intents.every(({ name }) => name === undefined);
  // without names those of different matches are apart, and the rest need not be compared, which takes long
  if (isUnnamed && new Set(intents.map(({ match }) => matchKey(match))).size === intents.length) return intents.map((intent) => [intent]);
  return [...groupBy(intents, (intent) => contentOf(intent, intent.name === undefined)).values()];
}

function wholeLosses(intent: RouteIntent): readonly Loss[] {
  return intent.action.kind === 'refuse' ? [...faultLosses(intent), impossible('an answer of 503')] : faultLosses(intent);
}

/** Everything that two intents of one router have in common. */
function contentOf({ match, ...intent }: RouteIntent, withMatch: boolean): string {
  const { spans: _spans, ...asked } = intent;
  return JSON.stringify([withMatch && match, asked], (key, value: unknown) => (key === 'span' ? undefined : value));
}

/** The services that must be declared: all of a protocol, unless there is one and it says nothing. */
interface Services {
  readonly partOf: (member: PoolMember, job: Job) => Part | undefined;
  readonly textOf: (member: PoolMember, job: Job) => ServiceText;
}

function servicesOf(jobs: readonly Job[], context: FormatContext): Services {
  const textOf = (member: PoolMember, { intent }: Job): ServiceText => {
    const text = serviceText(member, { port: context.port, dialect: intent.dialect });
    const lost = text.fields.filter((field) => !isPlain(field) || isLost(field));
    const losses = lost.map(([field]) => unsupported(`${field}, whose text has no place in a label`));
    return { fields: text.fields.filter((field) => !lost.includes(field)), losses: [...text.losses, ...losses] };
  };
  const declared = new Map<Job['protocol'], Set<string>>();
  for (const job of jobs) {
    const texts = declared.get(job.protocol) ?? new Set();
    for (const member of membersOf(job)) texts.add(JSON.stringify(textOf(member, job).fields));
    declared.set(job.protocol, texts);
  }
  return {
    textOf,
    partOf(member, job) {
      const { fields } = textOf(member, job);
      const isImplicit = fields.length === 0 && declared.get(job.protocol)?.size === 1;
      const said = fields.length > 0 ? fields : [neutralField(member)];
      return isImplicit ? undefined : namedPart(`${job.protocol}.services`, said, { service: context.service, kind: '' });
    },
  };
}

/** The pools of a route that its own instance is part of. */
function membersOf({ intent }: Job): readonly PoolMember[] {
  return [...(intent.backend ? [] : [intent]), ...(intent.sidePools ?? [])];
}

interface PrintTools {
  readonly context: FormatContext;
  readonly services: Services;
  readonly report: Report;
}

/** The parts of one route; undefined where it cannot be printed. */
function printJob(job: Job, { context, services, report }: PrintTools): readonly Part[] | undefined {
  const { group, intent, protocol } = job;
  const sideParts = new Map((intent.sidePools ?? []).map((pool) => [pool.name, services.partOf(pool, job)]));
  const chain = chainText(intent, {
    serviceOf: (name) => (sideParts.has(name) ? (sideParts.get(name)?.name ?? normalisedName(context)) : undefined),
  });
  const { routers, losses: routerLosses } = routerText(group, context);
  const serviceLosses = membersOf(job).flatMap((member) => services.textOf(member, job).losses);
  const losses = [...routerLosses, ...chain.losses, ...serviceLosses];
  reportLosses(intent, losses, 'traefik', report);
  if (isWhole(losses) || routers.length === 0) return undefined;
  const service = intent.backend ? undefined : services.partOf(intent, job);
  const links = linkFields(intent, chain, service);
  const named = routers.map(({ suffix, fields }): Part => {
    const all = [...fields, ...links];
    // a router that says nothing still has to be there
    const said: readonly FieldText[] = all.length > 0 ? all : [['entrypoints', '']];
    return { section: `${protocol}.routers`, name: routerName(job, context, links, suffix), fields: said };
  });
  const declared = [service, ...sideParts.values()].filter((part) => part !== undefined);
  return [...named, ...declared, ...chain.parts];
}

function linkFields({ backend }: RouteIntent, { names }: ChainText, service: Part | undefined): readonly FieldText[] {
  const target = backend ? referenceName(backend) : service?.name;
  return [
    ...(names.length > 0 ? [['middlewares', names.join(',')] as const] : []),
    ...(target === undefined ? [] : [['service', target] as const]),
  ];
}

/** Both routers of a route have one name, but for the ending. */
function routerName({ group, protocol }: Job, { service }: FormatContext, links: readonly FieldText[], suffix: string): string {
  const said = group.map(({ match, priority, entryPoints, tlsProfile }) =>
    JSON.stringify([match, priority, entryPoints, tlsProfile?.name]),
  );
  return `${slug(service)}-${shortHash([protocol, ...said, ...links.flat()]).slice(0, 8)}${suffix}`;
}
