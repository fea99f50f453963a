import type { ServiceInstance } from '../../model/catalog.ts';
import { tagSpan, type Report } from '../../model/diagnostic.ts';
import type { Fault, TagReading } from '../../model/intent.ts';
import type { Dialect } from '../dialect.ts';
import { misspeltPrefix } from '../misspelt.ts';
import type { TraefikSettings } from './context.ts';
import { isEnabled, switchedOn } from './exposure.ts';
import { lexLabels } from './labels.ts';
import { readHttp, readTcp, readUdp, type Declared } from './protocols.ts';
import { findSection } from './lookup.ts';
import { readLabels } from './read-labels.ts';
import { protective, tellerOf, worstFault } from './tell.ts';

export type { TraefikSettings } from './context.ts';

/** The dialect of Traefik 3 labels (traefik/traefik:pkg/provider/consulcatalog): routers, services and middlewares of one instance. */
export function createTraefikDialect(settings: TraefikSettings): Dialect {
  return {
    name: 'traefik',
    speaksInSeveral: true,
    misspelt(tag) {
      const prefix = `${settings.prefix}.`;
      const end = tag.includes('=') ? misspeltPrefix(tag, prefix, { hasSeparator: true }) : undefined;
      return end === undefined ? undefined : { end, meant: prefix };
    },
    recognises: (tag) => tag.trimStart().startsWith(`${settings.prefix}.`) && tag.includes('='),
    parse: (instance, report) => parseInstance(instance, settings, report),
  };
}

function parseInstance(instance: ServiceInstance, settings: TraefikSettings, report: Report): TagReading {
  const tell = tellerOf(report);
  const labels = lexLabels(instance, settings.prefix);
  if (!isEnabled(labels, settings, tell)) return { intents: [], definitions: [] };
  const enable = labels.find(({ key }) => key === 'enable');
  const declared: Declared = {
    context: { instance, settings, tell },
    entries: readLabels(labels, tell),
    mentioned: new Set(labels.flatMap(({ key }) => findSection(key)?.section ?? [])),
    isCanary: switchedOn(labels, ['consulcatalog.canary', 'nomad.canary']) !== undefined,
    span: tagSpan(instance, enable?.valueSpan.tagIndex ?? 0),
  };
  const read = [readHttp(declared), readTcp(declared), readUdp(declared)];
  const reading = { intents: read.flatMap(({ intents }) => intents), definitions: read.flatMap(({ definitions }) => definitions) };
  const connect = switchedOn(labels, ['consulcatalog.connect']);
  if (!connect) return reading;
  tell('TRAEFIK_PROTECTION_UNSERVED', 'Cannot speak Consul Connect: the routes of this instance answer 503', connect.valueSpan, {
    hint: 'Register a port that takes connections without it, and remove the label',
  });
  return withFault(reading, protective('TRAEFIK_PROTECTION_UNSERVED'));
}

function withFault({ intents, definitions }: TagReading, fault: Fault): TagReading {
  const mark = <Part extends { readonly fault?: Fault }>(part: Part): Part => ({
    ...part,
    fault: worstFault([part.fault, fault]) ?? fault,
  });
  return { intents: intents.map(mark), definitions: definitions.map(mark) };
}
