import { diagnosticView } from '../controller/views.ts';
import { convertTags, type Conversion, type TagStep } from '../dialects/convert.ts';
import type { FormatContext } from '../dialects/dialect.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import type { Diagnosed, Diagnostic } from '../model/diagnostic.ts';
import { DEFAULT_OWNER, parsePort, serviceName, sourceId, type Port } from '../model/names.ts';
import { DIALECTS, type DialectName } from '../model/route.ts';
import { loadFor, type Context } from './context.ts';
import { explainSteps } from './convert-text.ts';
import { createDialect, createFormatter } from './dialects.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { givenTags, type GivenTags } from './given-tags.ts';
import { entryPointsOf, proxyOf } from './paths.ts';
import { formatDiagnostic } from './print.ts';

/** What `convert` takes. */
export interface ConvertFlags extends GlobalFlags {
  readonly to?: string;
  readonly from?: string;
  readonly service?: string;
  readonly port?: string;
  readonly explain?: boolean;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** Prints the tags of one service in another dialect, and on stderr what is lost. Tags come from arguments, else from stdin. */
export async function convert(args: readonly string[], flags: ConvertFlags, context: Context): Promise<number> {
  const { printer } = context;
  const to = dialectNamed(flags.to, '--to');
  const from = flags.from === undefined ? undefined : dialectNamed(flags.from, '--from');
  const given = await givenTags(args.length === 0 && !process.stdin.isTTY ? ['-'] : args);
  if (given.tags.length === 0)
    throw new CommandError('Cannot convert tags: none is given, expected some, or lines or JSON on stdin', EXIT.usage);
  const { value, diagnostics } = converted(given, { to, from, flags, context });
  const told = diagnostics.filter(({ severity }) => severity !== 'info');
  if (flags.json)
    printer.json({
      service: flags.service ?? given.service ?? null,
      to,
      ...value,
      asked: undefined,
      diagnostics: diagnostics.map(diagnosticView),
    });
  else {
    for (const tag of value.tags) printer.out(tag);
    for (const diagnostic of flags.explain ? diagnostics : told) printer.say(formatDiagnostic(diagnostic, printer));
    if (flags.explain) for (const line of explainSteps(value, printer)) printer.say(line);
    printer.say(summary(value.steps, told));
  }
  if (flags.strict && told.length > 0) return EXIT.losses;
  return told.some(isUnreadable) ? EXIT.failed : EXIT.ok;
}

interface Wish {
  readonly to: DialectName;
  readonly from: DialectName | undefined;
  readonly flags: ConvertFlags;
  readonly context: Context;
}

function converted(given: GivenTags, { to, from, flags, context }: Wish): Diagnosed<Conversion> {
  const { config } = loadFor(flags, context);
  const service = flags.service ?? given.service;
  const port = portOf(flags.port, given);
  const { accept } = config.dialects;
  const order = [...accept, ...DIALECTS.filter((name) => !accept.includes(name))];
  const read = order.filter((name) => from === undefined || name === from || name === to);
  const result = convertTags(instanceOf(given.tags, { service, port }), {
    dialects: read.map((name) => createDialect(name, config)),
    to: createFormatter(to, config),
    context: { service: serviceName(service ?? 'service'), port, entryPoints: usualEntryPoints(config), transports: new Map() },
  });
  const nameless = result.diagnostics.find(({ code }) => code === 'TRAEFIK_RULE_DEFAULT');
  if (service === undefined && nameless && to !== 'traefik')
    throw new CommandError(
      `Cannot convert "${nameless.span?.tag ?? ''}": its host is made of the service's name, expected --service NAME`,
      EXIT.usage,
    );
  return result;
}

function dialectNamed(name: string | undefined, flag: string): DialectName {
  const found = DIALECTS.find((dialect) => dialect === name);
  if (found) return found;
  throw new CommandError(`Cannot use ${flag} "${name ?? ''}": expected ${DIALECTS.join(', ')}`, EXIT.usage);
}

/** The registered port: what a tag says of ports is said only beside it. Unknown, it is one that no tag names. */
function portOf(flag: string | undefined, { tags, port }: GivenTags): Port {
  const stated = flag === undefined ? port : Number(flag);
  const all = tags.join(' ');
  const unnamed = 1 + Array.from({ length: 65_535 }, (_, index) => index + 1).findIndex((number) => !all.includes(String(number)));
  const found = parsePort(stated ?? Math.max(1, unnamed));
  if (found === undefined) throw new CommandError(`Cannot use port "${flag ?? String(port)}": expected 1 to 65535`, EXIT.usage);
  return found;
}

function instanceOf(
  tags: readonly string[],
  { service, port }: { readonly service: string | undefined; readonly port: Port },
): ServiceInstance {
  return {
    source: sourceId('static'),
    owner: DEFAULT_OWNER,
    service: serviceName(service ?? 'service'),
    instance: 'tags',
    address: '127.0.0.1',
    port,
    tags,
    meta: {},
    health: 'passing',
    modifyIndex: 0,
  };
}

/** Names of the first entry points of each kind, as the configured proxy has them. */
function usualEntryPoints(config: Parameters<typeof proxyOf>[0]): FormatContext['entryPoints'] {
  const points = entryPointsOf(proxyOf(config), true).filter(({ protocol }) => protocol === 'http');
  return {
    plain: points.find(({ tls }) => !tls)?.name ?? 'web',
    tls: points.find(({ tls }) => tls)?.name ?? 'websecure',
  };
}

/** A fault of a tag, not of the dialect that it should be said in. */
function isUnreadable({ code, severity }: Diagnostic): boolean {
  return severity === 'error' && !code.endsWith('_UNSUPPORTED');
}

function summary(steps: readonly TagStep[], told: readonly Diagnostic[]): string {
  const count = (kind: TagStep['kind']): number => steps.filter((step) => step.kind === kind).length;
  const parts = [
    `${count('converted')} converted`,
    ...(['own', 'kept', 'foreign'] as const).flatMap((kind) => (count(kind) > 0 ? [`${count(kind)} ${KINDS[kind]}`] : [])),
    ...(told.length > 0 ? [`${told.length} reported`] : []),
  ];
  return `${steps.length} tags: ${parts.join(', ')}`;
}

const KINDS = { own: 'in that dialect already', kept: 'kept as they are', foreign: 'not routing tags' } as const;
