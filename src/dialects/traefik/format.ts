import { shortHash } from '../../lib/hash.ts';
import { groupBy } from '../../lib/sort.ts';
import { slug } from '../../lib/text.ts';
import { diagnose, type Report } from '../../model/diagnostic.ts';
import type { PoolMember, RouteIntent } from '../../model/intent.ts';
import type { FormatContext, TagFormatter } from '../dialect.ts';
import { normalisedName, type TraefikSettings } from './context.ts';
import { chainText, type ChainText } from './format/chain.ts';
import { impossible, isLost, namedPart, tagsOf, unsupported, type FieldText, type Loss, type Part } from './format/parts.ts';
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
    format(intents, context, report) {
      const parts = partsOf(intents, context, report);
      const distinct = [...new Map(parts.map((part) => [`${part.section} ${part.name}`, part])).values()];
      return distinct.length === 0 ? [] : [`${prefix}.enable=true`, ...distinct.flatMap((part) => tagsOf(part, prefix))];
    },
  };
}

/** One route that is to be printed: intents that differ in nothing but their match. */
interface Job {
  readonly group: readonly RouteIntent[];
  readonly intent: RouteIntent;
  readonly protocol: 'http' | 'tcp' | 'udp';
}

/** Routers, then services, then middlewares. */
function partsOf(intents: readonly RouteIntent[], context: FormatContext, report: Report): readonly Part[] {
  const jobs = jobsOf(intents, report);
  const services = servicesOf(jobs, context);
  const printed = jobs.map((job) => printJob(job, { context, services, report })).filter((parts) => parts !== undefined);
  const flat = printed.flat();
  const inSection = (end: string): readonly Part[] => flat.filter(({ section }) => section.endsWith(end));
  return [...inSection('routers'), ...inSection('services'), ...inSection('middlewares')];
}

/** Intents that can be printed at all; those of one router of a rule with alternatives stay together. */
function jobsOf(intents: readonly RouteIntent[], report: Report): readonly Job[] {
  const whole = intents.filter((intent) => {
    // a part of another intent, which speaks for both
    if ('aside' in intent.entryPoints && intent.entryPoints.aside) return false;
    const loss = wholeLoss(intent);
    if (loss) tellLosses([loss], intent, report);
    return !loss;
  });
  const groups = groupBy(whole, (intent) => (intent.name === undefined ? contentOf(intent, true) : contentOf(intent, false)));
  return [...groups.values()].flatMap((group): readonly Job[] => {
    const [intent] = group;
    return intent ? [{ group, intent, protocol: protocolOf(intent) }] : [];
  });
}

function wholeLoss({ fault, action }: RouteIntent): Loss | undefined {
  if (fault) return impossible('Cannot say what the tag itself does not say readably: repair it first');
  return action.kind === 'refuse' ? impossible('Cannot say in labels that requests are answered 503') : undefined;
}

function protocolOf({ entryPoints: { kind } }: RouteIntent): Job['protocol'] {
  return kind === 'tcp' || kind === 'udp' ? kind : 'http';
}

/** Everything that two intents of one router have in common. */
function contentOf({ match, ...intent }: RouteIntent, withMatch: boolean): string {
  return JSON.stringify([withMatch && match, intent], (key, value: unknown) => (key === 'spans' || key === 'span' ? undefined : value));
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
    const losses = lost.map(([field]) => unsupported(`Cannot say ${field} in a label: its text has no place there`));
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
  const whole = losses.find(({ route }) => route);
  tellLosses(whole ? [whole] : losses, intent, report);
  if (whole || routers.length === 0) return undefined;
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

/** Each loss once, at the first place of the intent. */
function tellLosses(losses: readonly Loss[], { spans: [span] }: RouteIntent, report: Report): void {
  const distinct = new Map(losses.map((loss) => [`${loss.code} ${loss.message}`, loss]));
  for (const { code, message, route } of distinct.values())
    report(diagnose(code, route ? `${message}; the route is left out` : message, { span }));
}
