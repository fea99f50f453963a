import type { Answer } from './answer.ts';

/** One thing in which two answers differ; an absent side has it not. */
export interface Difference {
  /** `status`, `location`, `instance`, `path`, `request header NAME`, `answer header NAME` and the like; see `partsOf`. */
  readonly what: string;
  readonly old?: string;
  readonly new?: string;
}

/** What of an answer is compared. `echoes`: by programs that say what they got; `programs`: by the real instances. */
export type Answering = 'echoes' | 'programs';

/** In what two sets of named parts differ, sorted by name. */
export function partDifferences(old: ReadonlyMap<string, string>, fresh: ReadonlyMap<string, string>): readonly Difference[] {
  const names = [...new Set([...old.keys(), ...fresh.keys()])].toSorted();
  return names.flatMap((what): readonly Difference[] => {
    const [before, after] = [old.get(what), fresh.get(what)];
    if (before === after) return [];
    return [{ what, ...(before !== undefined && { old: before }), ...(after !== undefined && { new: after }) }];
  });
}

/** Headers of answers that say nothing about routing, or that are of the moment. */
const NOT_OF_ROUTING = new Set(
  'date server via connection keep-alive content-length transfer-encoding alt-svc age etag last-modified expires x-request-id traceparent'.split(
    ' ',
  ),
);
/** Headers that proxies add of themselves, each in its way, or that belong to a connection. */
const OF_PROXIES = new Set(
  'x-forwarded-port x-forwarded-server x-real-ip via connection te content-length transfer-encoding accept-encoding user-agent x-forwarded-for traceparent cookie'.split(
    ' ',
  ),
);

/** What of an answer counts, by name. */
export function partsOf({ status, headers, body, echo, failure }: Answer, answering: Answering): ReadonlyMap<string, string> {
  const parts = new Map<string, string>([['status', status === 0 ? `none (${failure ?? 'closed'})` : String(status)]]);
  for (const [name, value] of headers) {
    if (name === 'location') parts.set('location', value);
    // the words of a proxy's own answers are its own; who is asked for a password learns the same
    if (name === 'www-authenticate') parts.set('asks for', value.replace(/\s.*$/, '').toLowerCase());
  }
  const isOfInstance = echo !== undefined || (answering === 'programs' && status >= 200 && status < 300);
  if (!isOfInstance) return parts;
  for (const [name, value] of listed(headers.filter(([header]) => !NOT_OF_ROUTING.has(header) && header !== 'location')))
    parts.set(`answer header ${name}`, value);
  if (!echo) return parts.set('body', body.slice(0, 16));
  parts.set('instance', echo.instance).set('spoken to by', echo.protocol);
  parts.set('method', echo.method).set('path', echo.path).set('host', echo.host);
  for (const [name, value] of listed(echo.headers.filter(([header]) => !OF_PROXIES.has(header))))
    parts.set(`request header ${name}`, value);
  return parts;
}

/** Values of one header as one text, sorted; of cookies all but their value. */
function listed(headers: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) values.set(name, [...(values.get(name) ?? []), name === 'set-cookie' ? cookieText(value) : value]);
  return new Map([...values].map(([name, list]) => [name, list.toSorted().join(', ')]));
}

function cookieText(value: string): string {
  const [pair = '', ...attributes] = value.split(';').map((part) => part.trim());
  const told = attributes.map((attribute) => attribute.toLowerCase()).filter((attribute) => !attribute.startsWith('expires='));
  return [pair.replace(/=.*$/, ''), ...told.toSorted()].join('; ');
}
