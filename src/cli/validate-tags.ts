import { createPipeline } from '../controller/pipeline.ts';
import { diagnosticView } from '../controller/views.ts';
import { visible } from '../lib/text.ts';
import { compareDiagnostics, type Diagnostic } from '../model/diagnostic.ts';
import { describeMatch } from '../model/describe.ts';
import { redactedTag } from '../model/redact.ts';
import { parsePort, sourceId, type Port } from '../model/names.ts';
import { programmingSetUpFor, type Context } from './context.ts';
import { createDialects } from './dialects.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { givenInstance, givenTags } from './given-tags.ts';
import { formatDiagnostic } from './print.ts';
import { compileOptions } from './runtime.ts';
import type { Setup } from './setup.ts';

/** What `validate --tags` takes. */
export interface TagFlags extends GlobalFlags {
  readonly tags?: readonly string[];
  readonly json?: boolean;
}

/** Checks tags as those of one healthy service, without asking any catalog: `-` stands for the lines of stdin. Every fault at once. */
export async function validateTags(flags: TagFlags, context: Context): Promise<number> {
  const { printer } = context;
  const say = (line: string): void => (flags.json ? printer.say(line) : printer.out(line));
  const { tags } = await givenTags(flags.tags ?? []);
  if (tags.length === 0) throw new CommandError('Cannot check tags: none is given, expected some or - for the lines of stdin', EXIT.usage);
  const setup = await programmingSetUpFor(flags, context, { quiet: true, looksOnly: true });
  const source = sourceId('static');
  const instances = [givenInstance(tags, { service: 'tags', port: anyPort() })];
  const dialects = createDialects(setup);
  const pipeline = createPipeline({ dialects, compile: compileOptions(setup), primary: source, merge: 'union' });
  const compiled = pipeline.compile([{ source, revision: '0', observedAtMs: 0, local: true, instances }], new Map());
  const rendered = setup.target.render(compiled.value.table, setup.settings);
  const diagnostics: readonly Diagnostic[] = [...compiled.diagnostics, ...rendered.diagnostics].toSorted(compareDiagnostics);
  const faults = diagnostics.filter(({ severity }) => severity !== 'info');
  const { routes } = compiled.value.table;
  // where nothing is routed, what is usual elsewhere is why: labels that nothing enables, an address that is ignored
  const told = routes.length === 0 ? diagnostics : faults;
  if (flags.json) printer.json(diagnostics.map(diagnosticView));
  else for (const diagnostic of told) printer.out(formatDiagnostic(diagnostic, printer));
  for (const route of routes) say(`${printer.style('green', 'route')} ${describeMatch(route)}`);
  const forms = tagForms(setup);
  for (const tag of tags.filter((one) => !dialects.some((dialect) => dialect.recognises(one))))
    say(`${printer.style('yellow', 'not read')} ${visible(redactedTag(tag))}: a routing tag is ${forms}`);
  const errors = faults.filter(({ severity }) => severity === 'error').length;
  say(`${routes.length} routes, ${errors} errors, ${faults.length - errors} warnings`);
  return errors > 0 ? EXIT.failed : EXIT.ok;
}

/** What tags of the dialects that are read look like. */
function tagForms({ config: { dialects } }: Setup): string {
  const forms = { fabio: `${dialects.fabio.tagPrefix}…`, hind: 'https://…', traefik: `${dialects.traefik.prefix}.…=…` };
  return dialects.accept.map((name) => forms[name]).join(' or ');
}

/** Any port: what a tag says of ports is not compared with it. */
function anyPort(): Port {
  const port = parsePort(8080);
  if (port === undefined) throw new TypeError('Cannot make an instance without a port');
  return port;
}
