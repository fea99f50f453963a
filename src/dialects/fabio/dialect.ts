import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report } from '../../model/diagnostic.ts';
import type { Fault, RouteIntent } from '../../model/intent.ts';
import { protects } from '../../model/middleware.ts';
import type { Dialect } from '../dialect.ts';
import { misspeltPrefix } from '../misspelt.ts';
import type { FabioMiddleware } from './access.ts';
import { intentsOf } from './intents.ts';
import { lexTag, readsControls, type Token } from './lex.ts';
import type { Note } from './note.ts';
import { parseOptions, type FabioOptions } from './options.ts';
import { parseRoute, type FabioSettings } from './route.ts';

/** The dialect of `urlprefix-` tags, with Fabio's semantics in every detail that a client can see. */
export function createFabioDialect(settings: FabioSettings): Dialect {
  return {
    name: 'fabio',
    recognises: (tag) => tag.trimStart().startsWith(settings.tagPrefix),
    misspelt(tag) {
      const end = misspeltPrefix(tag, settings.tagPrefix, { hasSeparator: false });
      return end === undefined ? undefined : { end, meant: settings.tagPrefix };
    },
    readsControls: (tag) => readsControls(tag, settings.tagPrefix),
    parse(instance, report) {
      const intents = instance.tags.flatMap((_, index) => parseTag(instance, index, settings, report));
      if (intents.length > 0) reportFreezingTags(instance, settings, report);
      return { intents, definitions: [] };
    },
  };
}

function parseTag(instance: ServiceInstance, index: number, settings: FabioSettings, report: Report): readonly RouteIntent[] {
  const lexed = lexTag(instance.tags[index] ?? '', settings.tagPrefix);
  if (!lexed) return [];
  const at = ({ start, end }: Token): ReturnType<typeof tagSpan> => tagSpan(instance, index, start, end);
  if (lexed.leadingBlank)
    report(diagnose('FABIO_LEADING_BLANK', 'A blank before the prefix: Fabio may drop the service', { span: at(lexed.route) }));
  if (lexed.control)
    report(diagnose('FABIO_OPTION_CONTROL', 'A tab or line break between options: Fabio reads it as a blank', { span: at(lexed.control) }));
  if (lexed.route.text === '') {
    const message = 'Nothing stands after the prefix; Fabio would stop updating its whole table';
    report(diagnose('FABIO_ROUTE_EMPTY', message, { span: tagSpan(instance, index) }));
    return [];
  }
  const variables = new Map(instance.datacenter === undefined ? [] : [['DC', instance.datacenter]]);
  const { route, notes } = parseRoute(lexed.route.text, { settings, variables });
  for (const { code, message, hint } of notes) report(diagnose(code, message, { span: at(lexed.route), hint }));
  if (!route) return [];
  const read = parseOptions(lexed.options, { pathText: route.pathText, isTcp: route.tcpPort !== undefined });
  for (const { code, message, token, hint, severity } of read.notes) report(diagnose(code, message, { span: at(token), hint, severity }));
  return withFault(intentsOf(route, read.value, { instance, span: at(lexed.route) }), faultOf(read.notes, read.value));
}

/** The gravest of the faults. One of a protected route is protective: an earlier form without today's protection must not stand in. */
function faultOf(notes: readonly Note[], { middlewares }: FabioOptions): Fault | undefined {
  const faults = notes.flatMap(({ fault, code }): Fault[] => (fault ? [{ kind: fault, code }] : []));
  const gravest = faults.find(({ kind }) => kind === 'protective') ?? faults[0];
  return gravest && middlewares.some(isProtecting) ? { ...gravest, kind: 'protective' } : gravest;
}

function isProtecting(middleware: FabioMiddleware): boolean {
  return middleware.kind === 'reference' || protects(middleware);
}

function withFault(intents: readonly RouteIntent[], fault: Fault | undefined): readonly RouteIntent[] {
  return fault ? intents.map((intent) => ({ ...intent, fault })) : intents;
}

/** What elsewhere in the registration would stop a real Fabio from updating. */
function reportFreezingTags(instance: ServiceInstance, settings: FabioSettings, report: Report): void {
  const quoted = instance.tags.findIndex((tag) => tag.includes('"') && !lexTag(tag, settings.tagPrefix));
  if (quoted >= 0)
    report(
      diagnose('FABIO_QUOTE_FREEZES', "A double quote in another tag of the service: a real Fabio's table would stop", {
        span: tagSpan(instance, quoted),
      }),
    );
  if (!/\s/.test(instance.service)) return;
  const first = instance.tags.findIndex((tag) => lexTag(tag, settings.tagPrefix));
  report(
    diagnose('FABIO_NAME_BLANK', `The service's name "${instance.service}" holds a blank: a real Fabio's table would stop`, {
      span: tagSpan(instance, first),
    }),
  );
}
