import type { MiddlewareOf } from '../../model/middleware.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { URI } from './canonical.ts';
import { headerName } from './headers.ts';
import type { MiddlewareContext } from './middlewares.ts';
import { forward } from './pools.ts';
import { literalUrl } from './quote.ts';

type Errors = MiddlewareOf<'errors'>;

/** Answers that are replaced in the same way: their statuses, and the status that they get instead of their own. */
interface Group {
  readonly statuses: readonly number[];
  readonly status?: number;
}

/**
 * Replaces answers by what another pool says: those of instances and middlewares where they pass (`intercept`), those of Caddy itself, when no
 * instance answers, where its site handles errors. A variable tells which route has failed.
 */
export function errorsHandler(errors: Errors, { name, backends }: Pick<MiddlewareContext, 'name' | 'backends'>): Handler {
  const backend = backends.get(errors.backend);
  if (!backend?.endpoints.some(({ weight }) => weight > 0)) return { matchers: [], directives: [] };
  const pageOf = (group: Group, original: string): readonly Node[] =>
    forward(backend, {
      middlewares: [],
      more: [
        line('method', 'GET'),
        line('rewrite', text(queryOf(errors.query, group, original))),
        line('replace_status', group.status === undefined ? text(original) : String(group.status)),
      ],
    });
  const [passing, failing] = [keptHeaders(errors, name), keptHeaders(errors, `${name}f`)];
  const groups = groupsOf(errors);
  const intercepted = groups.flatMap((group, index) => [
    line(`@${name}s${index}`, 'status', ...statusWords(group.statuses)),
    block(
      ['handle_response', `@${name}s${index}`],
      [block(['route'], [line('header', '*', '-*'), ...passing.directives, ...pageOf(group, '{http.intercept.status_code}')])],
    ),
  ]);
  const failures = groups.flatMap((group, index) => {
    const status = statusWords(group.statuses).join('|').replaceAll('xx', '\\d\\d');
    const failed = [line('vars', 'error_pages', name), line('vars_regexp', '{http.error.status_code}', text(`^(?:${status})$`))];
    return [
      block([`@${name}f${index}`], failed),
      block(['route', `@${name}f${index}`], [...failing.directives, ...pageOf(group, '{http.error.status_code}')]),
    ];
  });
  return {
    matchers: passing.matchers,
    directives: [line('vars', 'error_pages', name), block(['intercept'], intercepted)],
    failures: [...failing.matchers, ...failures],
  };
}

/** Of the headers of the request only some; all where nothing is said. */
function keptHeaders({ requestHeaders }: Errors, name: string): Handler {
  if (!requestHeaders) return { matchers: [], directives: [] };
  const kept = requestHeaders.map((header, index) => ({ header: headerName(header), id: `${name}k${index}` }));
  return {
    matchers: kept.map(({ id }) => block([`@${id}`], [block(['not'], [line('vars', id, text(''))])])),
    directives: [
      ...kept.map(({ header, id }) => line('vars', id, text(`{http.request.header.${header.text}}`))),
      line('request_header', '*', '-*'),
      ...kept.map(({ header, id }) => line('request_header', `@${id}`, header, text(`{http.vars.${id}}`))),
    ],
  };
}

/** The statuses that are replaced, by what becomes of them: first those that get another, last all, of which those that keep theirs are left. */
function groupsOf({ statuses, rewrites = [] }: Errors): readonly Group[] {
  const caught = [...new Set(statuses.flatMap(numbersOf))].toSorted((a, b) => a - b);
  const rewritten = (status: number): number | undefined => rewrites.find(({ from, to }) => status >= from && status <= to)?.status;
  const others = [...new Set(caught.flatMap((status) => rewritten(status) ?? []))];
  const changed = others.map((status) => ({ statuses: caught.filter((one) => rewritten(one) === status), status }));
  return caught.some((status) => rewritten(status) === undefined) ? [...changed, { statuses: caught }] : changed;
}

function numbersOf({ from, to }: { readonly from: number; readonly to: number }): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Whole hundreds as Caddy writes them. */
function statusWords(statuses: readonly number[]): readonly string[] {
  const known = new Set(statuses);
  const whole = [1, 2, 3, 4, 5].filter((hundred) =>
    numbersOf({ from: hundred * 100, to: hundred * 100 + 99 }).every((one) => known.has(one)),
  );
  return [...whole.map((hundred) => `${hundred}xx`), ...statuses.filter((one) => !whole.includes(Math.floor(one / 100))).map(String)];
}

/** What the other pool is asked for, with a query of its own or none. The URL that failed is encoded once, wherever it stands. */
function queryOf(query: string, { status }: Group, original: string): string {
  const [path = '', ...rest] = `/${query.replace(/^\//, '')}`.split('?');
  const url = (uri: string): string => `{http.request.scheme}%3A%2F%2F{http.request.hostport}${uri}`;
  const filled = (part: string, uri: string): string =>
    part
      .split(/(\{status\}|\{originalStatus\}|\{url\})/)
      .map((piece, index) => {
        if (index % 2 === 0) return literalUrl(piece).replaceAll('#', '%23');
        if (piece === '{url}') return url(uri);
        return piece === '{status}' && status !== undefined ? String(status) : original;
      })
      .join('');
  return `${filled(path, '{http.request.uri_escaped}')}?${filled(rest.join('?'), URI)}`;
}
