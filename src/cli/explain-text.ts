import type { ExplainedRoute, ExplainView } from '../controller/explain.ts';
import { stateText } from '../controller/route-state.ts';
import type { RivalView } from '../controller/explain-rivals.ts';
import { joinHostPort } from '../lib/host.ts';
import { visible } from '../lib/text.ts';
import { caret, formatView, type Printer } from './print.ts';
import { formatTable } from './table.ts';
import { outcomesText, percent, requestHead } from './request-text.ts';

type Style = Pick<Printer, 'style'>;

/** So many rivals are told; a host of a busy service may have hundreds. */
const TOLD_RIVALS = 20;
/** The same for the instances of a route. */
const TOLD_INSTANCES = 20;

/** Why a URL answers as it does, from the answer down to the tags. */
export function explainText(view: ExplainView, printer: Style): string {
  const { requests, routes, rivals, nearest } = view;
  const asked = requests.map((request) => [requestHead(request, printer), ...outcomesText(request, printer)].join('\n'));
  const more = rivals.length > TOLD_RIVALS ? [`  and ${rivals.length - TOLD_RIVALS} more (--json lists all)`] : [];
  return [
    ...asked,
    ...routes.map((route) => routeText(route, printer)),
    ...(rivals.length > 0
      ? [
          [
            printer.style('bold', 'Tags that ask for it and do not answer'),
            ...rivals.slice(0, TOLD_RIVALS).flatMap((rival) => rivalText(rival, printer)),
            ...more,
          ].join('\n'),
        ]
      : []),
    ...(nearest.length > 0 ? [`Hosts that are served and look like it: ${nearest.map(visible).join(', ')}`] : []),
    proxyText(view),
  ].join('\n\n');
}

function routeText(route: ExplainedRoute, printer: Style): string {
  const { match, priority, dialect, owner, services, state, reason, tags, policies, instances, diagnostics } = route;
  const head = `Route ${visible(match)}, rank ${priority}, ${stateText(route)}, ${dialect}, owner ${visible(owner)}, of ${services.map(visible).join(', ') || 'the operator'}`;
  const held = reason === undefined ? [] : [`  ${state}: ${visible(reason)}`];
  const rows = instances
    .slice(0, TOLD_INSTANCES)
    .map(({ id, service, source, address, port, health, share, why }) => [
      service,
      id,
      joinHostPort(address, port),
      source,
      health,
      share > 0 ? percent(share) : `out: ${why ?? 'unknown'}`,
    ]);
  return [
    printer.style('bold', head),
    ...held,
    ...tags.flatMap(({ service, instance, ...span }) => [
      `  ${visible(service)} (${visible(instance)})`,
      ...caret(span).map((line) => `    ${line}`),
    ]),
    ...(policies.length > 0 ? [`  policies: ${policies.join(', ')}`] : []),
    ...(rows.length > 0 ? [indented(formatTable(['SERVICE', 'INSTANCE', 'ADDRESS', 'SOURCE', 'HEALTH', 'REQUESTS'], rows))] : []),
    ...(instances.length > TOLD_INSTANCES ? [`  and ${instances.length - TOLD_INSTANCES} more instances (--json lists all)`] : []),
    ...diagnostics.map((diagnostic) => indented(formatView(diagnostic, printer))),
  ].join('\n');
}

function rivalText({ service, instance, instances, match, why, code, hint, ...span }: RivalView, { style }: Style): readonly string[] {
  const carriers = instances > 1 ? `${instances} instances, such as ${visible(instance)}` : visible(instance);
  const whose = `  ${visible(service)} (${carriers})${match === undefined ? '' : `, route ${visible(match)}`}`;
  return [
    whose,
    ...caret(span).map((line) => `    ${line}`),
    `    ${code === undefined ? '' : `${style('bold', code)}: `}${visible(why)}`,
    ...(hint === undefined ? [] : [`    hint: ${visible(hint)}`]),
  ];
}

function proxyText({ proxy }: ExplainView): string {
  const { name, server, state, generation, pinned, problem } = proxy;
  const which = `${server} "${visible(name)}"`;
  if (state === 'unknown') return `No controller runs: the catalogs were read once, and nobody has asked ${which} what it serves`;
  const serves = generation === undefined ? 'this table' : `this table as generation ${generation}`;
  const held = pinned === undefined ? '' : `; generation ${pinned} is pinned, so the catalogs are not followed`;
  if (state === 'verified') return `${which} serves ${serves}, verified${held}`;
  return `${which} was not seen to serve ${serves}${problem === undefined ? '' : `: ${visible(problem)}`}${held}`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
