import { sha256 } from '../../lib/hash.ts';
import { createMemory, once } from '../../lib/memo.ts';
import { digest } from '../../model/names.ts';
import type { RenderedFile } from '../../model/rendered.ts';

/** A value of a configuration file. */
export type Json = string | number | boolean | readonly Json[] | JsonObject;

/** An object of named values; undefined ones are not printed. */
export type JsonObject = { readonly [key: string]: Json | undefined };

/** Where Traefik takes an empty map; anywhere else it refuses the whole file. */
const MAY_BE_EMPTY = new Set(['compress', 'contentType', 'cookie', 'healthCheck', 'tls']);

/** What is printed of an object: neither undefined values nor empty maps that Traefik refuses. */
function entriesOf(object: JsonObject): readonly (readonly [string, Json])[] {
  return Object.entries(object).filter((entry): entry is [string, Json] => entry[1] !== undefined && !isRefused(entry[0], entry[1]));
}

function isRefused(name: string, value: Json): boolean {
  return isObject(value) && !MAY_BE_EMPTY.has(name) && isEmpty(value);
}

const isEmpty: (object: JsonObject) => boolean = once((object) =>
  Object.entries(object).every(([name, value]) => value === undefined || isRefused(name, value)),
);

/**
 * JSON that is YAML too, behind a comment, one line for each object of depth three (a router, a service). Every `{` inside a string is
 * escaped: Traefik runs files through Go templates (traefik/traefik:pkg/provider/file/file.go). ASCII only.
 */
export function printJsonFile(
  root: JsonObject,
  { path, heading, units }: { readonly path: string; readonly heading: readonly string[]; readonly units: ReadonlyMap<string, string> },
): RenderedFile {
  const lines = heading.map((text) => `# ${text}`);
  const found: { unit: string; firstLine: number; lastLine: number }[] = [];
  lines.push('{');
  writeObject(root, 1);
  lines.push('}');
  const content = `${lines.join('\n')}\n`;
  return { path, content, sha256: digest(sha256(content)), units: found };

  function writeObject(object: JsonObject, depth: number): void {
    const entries = entriesOf(object);
    const indent = '  '.repeat(depth);
    for (const [index, [name, value]] of entries.entries()) {
      const comma = index === entries.length - 1 ? '' : ',';
      if (depth < 3 && isObject(value) && !isEmpty(value)) {
        lines.push(`${indent}${printJson(name)}: {`);
        writeObject(value, depth + 1);
        lines.push(`${indent}}${comma}`);
        continue;
      }
      lines.push(`${indent}${printMember(name, value)}${comma}`);
      const unit = depth === 3 ? units.get(name) : undefined;
      if (unit !== undefined) found.push({ unit, firstLine: lines.length, lastLine: lines.length });
    }
  }
}

const remember = createMemory<string>()({});

/** A member of an object. Printed once for each object: most routers and services come again in every table. */
function printMember(name: string, value: Json): string {
  const print = (): string => `${printJson(name)}: ${printJson(value)}`;
  return isObject(value) ? remember({ key: value, inputs: [name] }, print) : print();
}

function printJson(value: Json): string {
  if (typeof value === 'string')
    return JSON.stringify(value).replace(/[{\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (isList(value)) return `[${value.map(printItem).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  // blanks between braces: a template action begins with two of them
  const entries = entriesOf(value).map(([name, inner]) => `${printJson(name)}: ${printJson(inner)}`);
  return entries.length === 0 ? '{ }' : `{ ${entries.join(', ')} }`;
}

/** Traefik joins the items of a list with `║` and splits them again: no item may hold one (traefik/paerser:file/raw_node.go). */
function printItem(value: Json): string {
  return printJson(typeof value === 'string' ? value.replaceAll('\u2551', '?') : value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && !isList(value);
}
