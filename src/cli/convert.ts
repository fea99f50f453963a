import { diagnosticView } from '../controller/views.ts';
import type { Conversion, TagStep } from '../dialects/convert.ts';
import type { Diagnosed, Diagnostic } from '../model/diagnostic.ts';
import { parsePort, type Port } from '../model/names.ts';
import type { DialectName } from '../model/route.ts';
import type { Context } from './context.ts';
import { createConverter } from './conversion.ts';
import { explainSteps } from './convert-text.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { givenTags, type GivenTags } from './given-tags.ts';
import { loadFor } from './load-for.ts';
import { dialectNamed, NO_DIALECT } from './named.ts';
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
  if (flags.to === undefined) throw new CommandError(NO_DIALECT, EXIT.usage);
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
  const port = portOf(flags.port ?? given.port);
  const result = createConverter(config, { to, from })({
    tags: given.tags,
    ...(service !== undefined && { service }),
    ...(port !== undefined && { port }),
  });
  const nameless = result.diagnostics.find(({ code }) => code === 'TRAEFIK_RULE_DEFAULT');
  if (service === undefined && nameless && to !== 'traefik')
    throw new CommandError(
      `Cannot convert "${nameless.span?.tag ?? ''}": its host is made of the service's name, expected --service NAME`,
      EXIT.usage,
    );
  return result;
}

function portOf(stated: string | number | undefined): Port | undefined {
  const found = stated === undefined ? undefined : parsePort(Number(stated));
  if (stated === undefined || found !== undefined) return found;
  throw new CommandError(`Cannot use port "${stated}": expected 1 to 65535`, EXIT.usage);
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
