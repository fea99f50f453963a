import { textOfBytes, unescapePath } from '../../lib/go-url.ts';

/** The values of a key in a query, as Go's `url.ParseQuery` reads it; parts that it cannot read are left out, and a semicolon ends one (`http.AllowQuerySemicolons`). */
export function queryValues(query: string | undefined, key: string): readonly string[] {
  if (query === undefined || query === '') return [];
  return query.split(/[&;]/).flatMap((part) => {
    if (part === '') return [];
    const equals = part.indexOf('=');
    const [name, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    const decoded = decode(value);
    return decode(name) === key && decoded !== undefined ? [decoded] : [];
  });
}

function decode(text: string): string | undefined {
  const bytes = unescapePath(text.replaceAll('+', ' '));
  return bytes === undefined ? undefined : textOfBytes(bytes);
}
