/** Matchers of Traefik 1, lower-cased, and what they are called in 3. */
const FROM_V1: ReadonlyMap<string, string> = new Map([
  ['host', 'Host'],
  ['hostregexp', 'HostRegexp'],
  ['path', 'Path'],
  ['pathstrip', 'Path'],
  ['pathprefix', 'PathPrefix'],
  ['pathprefixstrip', 'PathPrefix'],
  ['method', 'Method'],
]);

/** A rule of Traefik 1 (`Host:a,b;PathPrefix:/x`) in the words of 3, for a hint; undefined where that takes more than words. */
export function fromOldRule(rule: string): string | undefined {
  const parts = rule.split(';').map((part) => {
    const colon = part.indexOf(':');
    const matcher = FROM_V1.get(part.slice(0, Math.max(0, colon)).trim().toLowerCase());
    const values = part.slice(colon + 1).split(',');
    return matcher === undefined || colon < 0 ? undefined : anyOf(matcher, values);
  });
  const known = parts.filter((part) => part !== undefined);
  if (known.length < parts.length || known.length === 0) return undefined;
  return known.length === 1 ? known[0] : known.map(grouped).join(' && ');
}

/** One matcher with several values, as in Traefik 2, in the words of 3. */
export function anyOf(matcher: string, values: readonly string[]): string {
  return values.map((value) => `${matcher}(\`${matcher === 'HostRegexp' ? fromOldHostRegexp(value.trim()) : value.trim()}\`)`).join(' || ');
}

/** A host of Traefik 2 such as `{sub:[a-z]+}.example.com` as a regular expression. */
export function fromOldHostRegexp(text: string): string {
  const parts = text.split(/(\{[^}]*\})/);
  return `^${parts.map((part) => (part.startsWith('{') ? oldGroup(part) : part.replace(/[.+*?^$()[\]|\\]/g, '\\$&'))).join('')}$`;
}

function oldGroup(part: string): string {
  const colon = part.indexOf(':');
  return colon < 0 ? '[^.]+' : `(?:${part.slice(colon + 1, -1)})`;
}

function grouped(part: string): string {
  return part.includes(' || ') ? `(${part})` : part;
}
