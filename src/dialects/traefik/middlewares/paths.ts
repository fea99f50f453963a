import { boolOf, fieldOf, listIn, textOf } from '../items.ts';
import { badValue, NO_MIDDLEWARE, only, regexpFault, type MiddlewareReader } from './reading.ts';
import { goReplacement } from './replacement.ts';

/** `addPrefix`: what is missing of its leading slash is added, as in Traefik. */
export const readAddPrefix: MiddlewareReader = (item, { tell }) => {
  const text = textOf(item, 'addPrefix.prefix') ?? '';
  const prefix = text.startsWith('/') ? text : `/${text}`;
  if (text !== '' && isPath(prefix)) return only({ kind: 'addPrefix', prefix });
  return badValue(item, { field: fieldOf(item, 'addPrefix.prefix'), expected: 'a path' }, tell);
};

/** `stripPrefix`: a prefix without a leading slash fits no path. */
export const readStripPrefix: MiddlewareReader = (item, { tell }) => {
  const field = fieldOf(item, 'stripPrefix.prefixes');
  const all = listIn(item, 'stripPrefix.prefixes');
  const prefixes = all.filter((prefix) => prefix.startsWith('/'));
  if (!prefixes.every(isPath)) return badValue(item, { field, expected: 'paths' }, tell);
  const lost = all.find((prefix) => !prefix.startsWith('/') && prefix !== '');
  if (lost !== undefined && field)
    tell('TRAEFIK_LABEL_INERT', `No path begins with "${lost}"`, field.label.valueSpan, { hint: `Write /${lost}` });
  if (prefixes.length === 0) return NO_MIDDLEWARE;
  const forceSlash = boolOf(item, 'stripPrefix.forceSlash') ?? false;
  return only({ kind: 'stripPrefix', prefixes, ...(forceSlash && { forceSlash }) });
};

/** `stripPrefixRegex`: a comma ends an expression, even within braces, as in Traefik. */
export const readStripPrefixRegex: MiddlewareReader = (item, { tell }) => {
  const field = fieldOf(item, 'stripPrefixRegex.regex');
  const regexps = listIn(item, 'stripPrefixRegex.regex').filter((pattern) => pattern !== '');
  const faults = regexps.flatMap((pattern) => regexpFault(pattern, field, tell) ?? []);
  if (faults[0]) return faults[0];
  return regexps.length === 0 ? NO_MIDDLEWARE : only({ kind: 'stripPrefixRegexp', regexps });
};

/** `replacePath`. */
export const readReplacePath: MiddlewareReader = (item, { tell }) => {
  const path = textOf(item, 'replacePath.path') ?? '';
  if (isPath(path.replace(/%[0-9A-Fa-f]{2}/g, ''))) return only({ kind: 'replacePath', path });
  return badValue(item, { field: fieldOf(item, 'replacePath.path'), expected: 'a path' }, tell);
};

/** `replacePathRegex`. */
export const readReplacePathRegex: MiddlewareReader = (item, { tell }) => {
  const field = fieldOf(item, 'replacePathRegex.regex');
  const regexp = textOf(item, 'replacePathRegex.regex') ?? '';
  if (regexp === '') return badValue(item, { field, expected: 'a regular expression' }, tell);
  const replacement = goReplacement(textOf(item, 'replacePathRegex.replacement') ?? '');
  return regexpFault(regexp, field, tell) ?? only({ kind: 'replacePathRegexp', regexp, replacement });
};

/** A decoded path: no empty and no dot segments, nothing encoded. */
function isPath(text: string): boolean {
  return /^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(text) && !/\/\/|\/\.{1,2}(?:\/|$)/.test(text);
}
