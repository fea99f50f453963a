import { nearest } from '../../lib/nearest.ts';
import type { Fault } from '../../model/intent.ts';
import type { LabelRow, NamedSection } from './label-table.ts';
import { segmentSpan, type Label } from './labels.ts';
import { findRow, findSection, isGuard, suggestRow, typesOf, type FoundRow } from './lookup.ts';
import { reportStranger } from './strangers.ts';
import { protective, quarantined, type Tell } from './tell.ts';
import { expectationOf, parseValue, type LabelValue } from './values.ts';

/** One readable label of an item. */
export interface Field {
  /** The key of its row. */
  readonly key: string;
  /** Its own key behind the name, lower-cased. */
  readonly path: string;
  /** The last segment as written, which is a header or status where the row ends in `*`. */
  readonly part: string;
  readonly row: LabelRow;
  readonly value: LabelValue;
  readonly label: Label;
}

/** What one label says about an item. `field` is missing where it cannot be read. */
export interface Entry {
  readonly section: NamedSection;
  /** As written. */
  readonly name: string;
  /** The key behind the name, lower-cased. */
  readonly path: string;
  readonly label: Label;
  readonly field?: Field;
  readonly fault?: Fault;
  /** The label was probably meant to be the rule. */
  readonly losesRule?: true;
}

/** One label of a section, before its row is known. */
interface Place {
  readonly section: NamedSection;
  /** The section is written in other letters. */
  readonly mistyped: boolean;
  readonly name: string;
  /** The key behind the name, lower-cased. */
  readonly path: string;
  readonly label: Label;
}

/** What all labels say about routers, services and middlewares. Reported: strangers, values of a wrong type, what no tag may say. */
export function readLabels(labels: readonly Label[], tell: Tell): readonly Entry[] {
  const refused = new Set<string>();
  return labels.flatMap((label) => {
    const place = placeOf(label, tell);
    if (!place) return [];
    const found = place.mistyped ? undefined : findRow(place.section, place.path);
    reportBlanks(label, found?.row, tell);
    if (!found) return [unknownEntry(place, tell)];
    // an empty URL is none, in Traefik too
    const isNothing = place.section === 'http.services' && label.value === '';
    if (found.row[1] !== 'refused' || isNothing) return [entryOf(place, found, tell)];
    const item = `${place.section} ${place.name.toLowerCase()} ${typeOf(place.path)}`;
    const entry = refusedEntry(place, refused.has(item) ? () => undefined : tell);
    refused.add(item);
    return [entry];
  });
}

/** Which item a label is about; undefined, and reported, where it is about none. */
function placeOf(label: Label, tell: Tell): Place | undefined {
  const found = findSection(label.key);
  if (!found) {
    reportStranger(label, tell);
    return undefined;
  }
  const [first = '', second = '', name = ''] = label.segments;
  const path = label.key.slice(first.length + second.length + name.length + 3);
  if (name === '' || path === '') {
    tell('TRAEFIK_LABEL_UNKNOWN', `There is no label "${label.key}"; served without it`, segmentSpan(label, -1));
    return undefined;
  }
  if (name.includes('@')) {
    tell('TRAEFIK_NAME_SYNTAX', `Cannot use the name "${name}": it holds "@"`, segmentSpan(label, 2));
    return undefined;
  }
  return { ...found, name, path, label };
}

function entryOf({ section, name, path, label }: Place, { key, row }: FoundRow, tell: Tell): Entry {
  const [type, use, meaning] = row;
  const plain: Entry = { section, name, path, label };
  if (use === 'file') {
    const message = `"${label.key}" is not read from labels, in Traefik neither; served without it`;
    tell('TRAEFIK_LABEL_FILE_ONLY', message, label.valueSpan, { hint: meaning });
    return plain;
  }
  if (use === 'inert') tell('TRAEFIK_LABEL_INERT', `"${label.key}" does nothing, in Traefik neither`, label.valueSpan, { hint: meaning });
  const value = parseValue(label.value, type);
  if (value !== undefined) return { ...plain, field: { key, path, part: label.segments.at(-1) ?? '', row, value, label } };
  const message = `Cannot use "${label.value}" as ${path}, expected ${expectationOf(type)}; its routes answer 503`;
  tell('TRAEFIK_LABEL_VALUE', message, label.valueSpan);
  const protects = isMiddleware(section) && isGuard(section, typeOf(path));
  return { ...plain, fault: protects ? protective('TRAEFIK_LABEL_VALUE') : quarantined('TRAEFIK_LABEL_VALUE') };
}

/** A key that the table does not have. It is no small matter where it may have been meant to protect. */
function unknownEntry({ section, mistyped, name, path, label }: Place, tell: Tell): Entry {
  const meant = mistyped ? findRow(section, path) : suggestRow(section, path);
  const withholds = meant?.row[1] === 'guard' || (isMiddleware(section) && isGuard(section, typeOf(path)));
  const effect = withholds ? 'its routes answer 503, because it may protect them' : 'served without it';
  const hint = mistyped ? `Did you mean ${section}?` : hintFor(meant, section, path);
  const span = segmentSpan(label, mistyped ? 1 : -1);
  tell('TRAEFIK_LABEL_UNKNOWN', `There is no label "${label.key}": ${effect}`, span, { hint, withholds });
  return {
    section,
    name,
    path,
    label,
    ...(withholds && { fault: protective('TRAEFIK_LABEL_UNKNOWN') }),
    ...(meant?.key === 'rule' && { losesRule: true }),
  };
}

function hintFor(meant: FoundRow | undefined, section: NamedSection, path: string): string | undefined {
  if (meant) return `Did you mean ${meant.key}?`;
  if (path.startsWith('loadbalancer.servers[')) return 'Write loadBalancer.server.port: the list of servers is for files';
  const type = nearest(typeOf(path), typesOf(section));
  return type === undefined || type === typeOf(path) ? undefined : `Did you mean ${type}?`;
}

function refusedEntry({ section, name, path, label }: Place, tell: Tell): Entry {
  if (section === 'http.services') {
    const message = `Cannot forward to "${label.value}": a tag may not name an address; its routes answer 503`;
    tell('TRAEFIK_SERVER_URL', message, label.valueSpan, { hint: 'Register the address, or write loadBalancer.server.port' });
    return { section, name, path, label, fault: quarantined('TRAEFIK_SERVER_URL') };
  }
  const message = `Cannot use ${typeOf(path)} of "${name}": a tag may not say ${path}; its routes answer 503`;
  tell('TRAEFIK_FEATURE_REFUSED', message, label.valueSpan, { hint: 'Let the operator define a policy, and write NAME@file' });
  return { section, name, path, label, fault: protective('TRAEFIK_FEATURE_REFUSED') };
}

/** Traefik does not trim Consul's tags: there a blank in a key, or around a number, has the whole instance ignored. */
function reportBlanks({ key, blanks, valueSpan }: Label, row: LabelRow | undefined, tell: Tell): void {
  const isExact = row?.[0] === 'bool' || row?.[0] === 'integer' || row?.[0] === 'duration' || row?.[0] === 'switch';
  if (valueSpan.source === 'consul' && (blanks.key || (blanks.value && isExact)))
    tell('TRAEFIK_LABEL_BLANK', `A blank beside the "=" of "${key}": Traefik would ignore the whole instance`, valueSpan);
}

function isMiddleware(section: NamedSection): boolean {
  return section === 'http.middlewares' || section === 'tcp.middlewares';
}

function typeOf(path: string): string {
  return path.split('.')[0] ?? '';
}
