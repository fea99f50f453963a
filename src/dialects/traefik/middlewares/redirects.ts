import { parsePort } from '../../../model/names.ts';
import { boolOf, fieldOf, textOf } from '../items.ts';
import { badValue, only, regexpFault, type MiddlewareReader } from './reading.ts';
import { goReplacement } from './replacement.ts';

/** `redirectRegex`. */
export const readRedirectRegex: MiddlewareReader = (item, { tell }) => {
  const field = fieldOf(item, 'redirectRegex.regex');
  const regexp = textOf(item, 'redirectRegex.regex') ?? '';
  const replacement = textOf(item, 'redirectRegex.replacement') ?? '';
  if (regexp === '' || replacement === '') return badValue(item, { expected: 'a regex and a replacement' }, tell);
  const permanent = boolOf(item, 'redirectRegex.permanent') ?? false;
  return regexpFault(regexp, field, tell) ?? only({ kind: 'redirectRegexp', regexp, replacement: goReplacement(replacement), permanent });
};

/** `redirectScheme`. The usual port of the scheme is no part of the URL. */
export const readRedirectScheme: MiddlewareReader = (item, { tell }) => {
  const asked = textOf(item, 'redirectScheme.scheme') ?? '';
  const scheme = asked.toLowerCase();
  if (scheme !== 'http' && scheme !== 'https')
    return badValue(item, { field: fieldOf(item, 'redirectScheme.scheme'), expected: 'http or https' }, tell);
  const text = textOf(item, 'redirectScheme.port') ?? '';
  const port = text === '' ? undefined : parsePort(text);
  if (text !== '' && port === undefined)
    return badValue(item, { field: fieldOf(item, 'redirectScheme.port'), expected: 'a port from 1 to 65535' }, tell);
  const field = fieldOf(item, 'redirectScheme.scheme');
  if (asked !== scheme && field)
    tell('TRAEFIK_APPROXIMATED', `Traefik redirects what is ${scheme} already to itself too; here it goes on`, field.label.valueSpan, {
      hint: `Write ${scheme}`,
    });
  const usual = port === (scheme === 'http' ? 80 : 443);
  const portField = fieldOf(item, 'redirectScheme.port');
  if (port !== undefined && text !== `${port}` && portField)
    tell('TRAEFIK_APPROXIMATED', `Traefik writes the port as "${text}"; here it is ${port}`, portField.label.valueSpan, {
      hint: `Write ${port}`,
    });
  const permanent = boolOf(item, 'redirectScheme.permanent') ?? false;
  return only({ kind: 'redirectScheme', scheme, permanent, ...(port !== undefined && !usual && { port }) });
};
