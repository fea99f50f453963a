import type { Conversion, TagStep } from '../dialects/convert.ts';
import { visible } from '../lib/text.ts';
import { describeCondition, describeHost, describePath } from '../model/describe.ts';
import type { EntryPointChoice } from '../model/entry-point.ts';
import type { RouteIntent } from '../model/intent.ts';
import { redactedTag } from '../model/redact.ts';
import type { Printer } from './print.ts';

/** What each tag asks for and what became of it, in lines for people. */
export function explainSteps({ steps, asked }: Conversion, printer: Pick<Printer, 'style'>): readonly string[] {
  return steps.flatMap((step, index) => {
    const own = asked.filter(({ spans: [span] }) => span?.tagIndex === index);
    const written = step.kind === 'converted' ? step.written : [];
    return [
      `${printer.style('bold', visible(redactedTag(step.tag)))}  ${FATES[step.kind](step)}`,
      ...own.map((intent) => `  asks    ${visible(describeIntent(intent))}`),
      ...written.map((tag) => `  becomes ${visible(redactedTag(tag))}`),
    ];
  });
}

const FATES: Readonly<Record<TagStep['kind'], (step: TagStep) => string>> = {
  foreign: () => 'routes nothing that is read; stays',
  own: () => 'is in that dialect already; stays',
  converted: ({ dialect, written }) => `${dialect ?? ''}${written.length > 0 ? '' : ', said by the tags of others'}`,
  kept: ({ dialect }) => `${dialect ?? ''}, stays`,
};

/** What an intent asks for, in one line of words. */
function describeIntent(intent: RouteIntent): string {
  const { match, action, protocol, pool, middlewares, share, weight, priority } = intent;
  const conditions = match.conditions.map((condition) => ` and ${describeCondition(condition)}`).join('');
  const target =
    action.kind === 'redirect' ? `redirect ${action.redirect.status}` : action.kind === 'refuse' ? '503' : `to ${protocol} instances`;
  const extras = [
    ...middlewares.map((step) => (step.kind === 'reference' ? `${step.to} ${step.name}` : step.kind)),
    ...(action.kind === 'forward' ? [pool.loadBalancing] : []),
    ...(share === undefined ? [] : [`share ${share}`]),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...(priority === undefined ? [] : [`priority ${priority}`]),
  ];
  return `${describeEntryPoints(intent.entryPoints)}: ${describeHost(match.host)}${describePath(match.path)}${conditions}; ${[target, ...extras].join(', ')}`;
}

function describeEntryPoints(choice: EntryPointChoice): string {
  switch (choice.kind) {
    case 'both':
      return 'plain http and TLS';
    case 'plain':
      return 'plain http';
    case 'tls':
      return 'TLS';
    case 'named':
      return `${choice.names.join(', ')}${choice.tls ? ' (TLS)' : ''}`;
    case 'port':
      return `port ${choice.port}${choice.tls ? ' (TLS)' : ''}`;
    case 'tcp':
    case 'udp':
      return [choice.kind, ...(choice.names ?? []), ...(choice.port === undefined ? [] : [`port ${choice.port}`])].join(' ');
    default:
      throw new TypeError(`Cannot describe entry points: ${JSON.stringify(choice satisfies never)}`);
  }
}
