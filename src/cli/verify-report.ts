import { groupBy, sortedUnique } from '../lib/sort.ts';
import { counted, visible } from '../lib/text.ts';
import { describeMatch } from '../model/describe.ts';
import type { TagSpan } from '../model/diagnostic.ts';
import { redactedTag, redactedText } from '../model/redact.ts';
import type { Route } from '../model/route.ts';
import type { Difference } from '../verify/differences.ts';
import { harmOf, type Harm } from '../verify/harm.ts';
import type { AskedRequest } from '../verify/request.ts';
import { placeText, type GuessedTag, type TagPlace, type UnreadPlace } from './file-instances.ts';
import { unreadCount } from './unread.ts';
import type { Connections } from './verify-sides.ts';
import type { Printer } from './print.ts';

/** A request that is answered in two ways, and the routes that answer it. */
export interface Found {
  readonly request: AskedRequest & { readonly times?: number };
  readonly differences: readonly Difference[];
  /** Absent: no route answers. */
  readonly old?: Route | undefined;
  readonly new?: Route | undefined;
  /** `proxies`: the old tags on the new proxy answer as the new ones do. */
  readonly cause: 'tags' | 'proxies';
}

/** What a comparison came to. */
export interface VerifyReport {
  readonly old: ReportedSide;
  readonly new: ReportedSide;
  readonly asked: number;
  readonly leftOut: readonly { readonly why: string; readonly count: number }[];
  /** Routes that no request is for; they are among what is left out. */
  readonly notCompared: Connections;
  /** What of the files could not be looked at. */
  readonly unread: readonly UnreadPlace[];
  /** Tags of which something was supposed. */
  readonly guessed: readonly GuessedTag[];
  /** In the order of the requests. */
  readonly found: readonly Found[];
}

interface ReportedSide {
  readonly proxy: string;
  readonly placeOf: (span: TagSpan) => TagPlace | undefined;
}

/** A tag behind a difference. */
interface TagView extends Partial<TagPlace> {
  readonly service: string;
  readonly tag: string;
}

interface RouteView {
  readonly id: string;
  readonly match: string;
  readonly tags: readonly TagView[];
}

/** Differences that the same routes make in the same way. */
interface Group {
  readonly cause: Found['cause'];
  readonly harm?: Harm;
  readonly differences: readonly Difference[];
  readonly requests: readonly Found['request'][];
  readonly old?: RouteView;
  readonly new?: RouteView;
}

/** Whether a difference counts: one that tags make, or by which proxies serve less or refuse less, whatever the tags say. */
export function isCounted(found: Found): boolean {
  return found.cause === 'tags' || foundHarm(found) !== undefined;
}

/** Whether no file, tag or route was left out; what differs is another matter. */
export function isComplete({ unread, notCompared: { tcp, udp } }: Pick<VerifyReport, 'unread' | 'notCompared'>): boolean {
  return unread.length + tcp + udp === 0;
}

/** The report in lines for people: those that count first, one example of each. */
export function verifyText(report: VerifyReport, { style }: Pick<Printer, 'style'>): readonly string[] {
  const groups = groupsOf(report);
  return [
    ...groups.flatMap((group) => [...groupText(group, style), '']),
    ...report.leftOut.map(({ why, count }) => `not asked: ${count} ${count === 1 ? why.replace(/^(route|request|line)s/, '$1') : why}`),
    summaryOf(report, groups),
  ];
}

/** The report for machines. */
export function verifyJson(report: VerifyReport): unknown {
  const groups = groupsOf(report);
  const { asked, leftOut, notCompared, unread, guessed } = report;
  return {
    old: report.old.proxy,
    new: report.new.proxy,
    complete: isComplete(report),
    asked,
    leftOut,
    notCompared,
    unread,
    guessed,
    counts: countsOf(report, groups),
    differences: groups.map(({ requests, ...group }) => ({ ...group, requests: requests.map(requestView) })),
  };
}

/** What no route has answered before is no service. */
function foundHarm({ old, differences }: Found): Harm | undefined {
  return old && harmOf(differences);
}

function groupsOf({ found, old, new: fresh }: VerifyReport): readonly Group[] {
  const keyOf = (one: Found): string =>
    JSON.stringify([one.cause, foundHarm(one), one.old?.id, one.new?.id, one.differences.map(({ what }) => what)]);
  const groups = [...groupBy(found, keyOf).values()].flatMap((members): readonly Group[] => {
    const [first] = members;
    if (!first) return [];
    const harm = foundHarm(first);
    return [
      {
        cause: first.cause,
        ...(harm && { harm }),
        differences: first.differences.map(redactedDifference),
        requests: members.map(({ request }) => request),
        ...(first.old && { old: routeView(first.old, old) }),
        ...(first.new && { new: routeView(first.new, fresh) }),
      },
    ];
  });
  return groups.toSorted((one, other) => rankOf(one) - rankOf(other));
}

function rankOf({ cause, harm }: Group): number {
  return cause === 'tags' ? 0 : harm ? 1 : 2;
}

const HARMS = {
  notServed: 'not served any more, by the proxies and not by the tags',
  notRefused: 'not refused any more, by the proxies and not by the tags',
} as const satisfies Record<Harm, string>;

function redactedDifference({ what, old, new: fresh }: Difference): Difference {
  return { what, ...(old !== undefined && { old: redactedText(old) }), ...(fresh !== undefined && { new: redactedText(fresh) }) };
}

function routeView(route: Route, { placeOf }: ReportedSide): RouteView {
  const views = route.spans.map((span): TagView => ({ service: span.service, tag: redactedTag(span.tag), ...placeOf(span) }));
  const distinct = new Map(views.map((view) => [JSON.stringify(view), view]));
  return { id: route.id, match: describeMatch(route), tags: [...distinct.values()] };
}

function groupText({ cause, harm, differences, requests, old, new: fresh }: Group, style: Printer['style']): readonly string[] {
  const [first] = requests;
  const what = cause === 'tags' ? 'differs' : ((harm && HARMS[harm]) ?? 'differs by the proxies, whatever the tags');
  const more = requests.length > 1 ? ` (and ${requests.length - 1} more)` : '';
  const head = first ? visible(requestText(first)) : '';
  return [
    `${style(cause === 'tags' || harm ? 'red' : 'yellow', what)} ${style('bold', head)}${more}`,
    ...differences.map((one) => `    ${visible(one.what)}: ${visible(one.old ?? 'none')} → ${visible(one.new ?? 'none')}`),
    ...routeText('old', old),
    ...routeText('new', fresh),
  ];
}

function routeText(side: string, route: RouteView | undefined): readonly string[] {
  if (!route) return [`  ${side}: no route`];
  return [
    visible(`  ${side}: ${route.match}`),
    ...route.tags.map(({ service, tag, ...place }) =>
      visible(`    ${service}: ${tag}${place.file === undefined ? '' : `  ${placeText(place)}`}`),
    ),
  ];
}

function requestText({ method, host, path, entryPoint, headers, times }: Found['request']): string {
  const told = headers.map(({ name }) => name).join(', ');
  return `${method} ${host}${path} at ${entryPoint}${told === '' ? '' : ` with ${told}`}${times === undefined ? '' : `, ${times === 1 ? 'once' : `${times} times`} in the log`}`;
}

function requestView({ entryPoint, host, path, method, headers, from, times }: Found['request']): unknown {
  return {
    entryPoint,
    method,
    host,
    path,
    headers: headers.map(({ name }) => name),
    from,
    ...(times !== undefined && { times }),
  };
}

interface Counts {
  /** Requests, and in how many ways they differ. */
  readonly byTags: number;
  readonly byProxies: number;
  /** How many of those by proxies do harm, and which. */
  readonly notServed: number;
  readonly notRefused: number;
  readonly ways: number;
  readonly services: readonly string[];
}

function countsOf({ found }: VerifyReport, groups: readonly Group[]): Counts {
  const byTags = found.filter(({ cause }) => cause === 'tags');
  const byProxies = found.filter(({ cause }) => cause === 'proxies');
  const doing = (harm: Harm): number => byProxies.filter((one) => foundHarm(one) === harm).length;
  return {
    byTags: byTags.length,
    byProxies: byProxies.length,
    notServed: doing('notServed'),
    notRefused: doing('notRefused'),
    ways: groups.filter(({ cause }) => cause === 'tags').length,
    services: sortedUnique(byTags.flatMap((one) => [...(one.old?.services ?? []), ...(one.new?.services ?? [])])),
  };
}

function summaryOf(report: VerifyReport, groups: readonly Group[]): string {
  const { byTags, byProxies, notServed, notRefused, ways, services } = countsOf(report, groups);
  const ofForm = byProxies - notServed - notRefused;
  const told = [
    ...(byTags === 0 ? [] : [`${byTags} differ, in ${counted(ways, 'way')}${services.length === 0 ? '' : `, of ${services.join(', ')}`}`]),
    ...(notServed === 0 ? [] : [`${notServed} ${isOrAre(notServed)} ${HARMS.notServed}`]),
    ...(notRefused === 0 ? [] : [`${notRefused} ${isOrAre(notRefused)} ${HARMS.notRefused}`]),
  ];
  const rest = ofForm === 0 ? [] : [`${ofForm} differ by the proxies, whatever the tags`];
  const differing = [...(told.length === 0 ? ['no difference'] : told), ...rest].join('; ');
  return visible(
    `${report.asked} requests to ${report.old.proxy} (old) and ${report.new.proxy} (new): ${differing}${unreadCount(report.unread)}`,
  );
}

function isOrAre(count: number): string {
  return count === 1 ? 'is' : 'are';
}
