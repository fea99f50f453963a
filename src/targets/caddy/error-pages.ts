import type { MiddlewareOf } from '../../model/middleware.ts';
import { block, line, text, type Handler, type Token } from './ast.ts';
import type { MiddlewareContext } from './middlewares.ts';
import { forward } from './pools.ts';
import { literalUrl } from './quote.ts';

type Errors = MiddlewareOf<'errors'>;

/** Answers that are replaced in the same way: their statuses, and the status that they get instead of their own. */
interface Group {
  readonly statuses: readonly number[];
  readonly status?: number;
}

/** Replaces answers of instances and middlewares by what another pool says. */
export function errorsHandler(errors: Errors, { name, backends }: MiddlewareContext): Handler {
  const backend = backends.get(errors.backend);
  if (!backend?.endpoints.some(({ weight }) => weight > 0)) return { matchers: [], directives: [] };
  const kept = (errors.requestHeaders ?? []).map((header, index) => ({ header, id: `${name}k${index}` }));
  const headers = errors.requestHeaders && [
    ...kept.map(({ header, id }) => line('vars', id, text(`{http.request.header.${header}}`))),
    line('request_header', '*', '-*'),
    ...kept.map(({ header, id }) => line('request_header', `@${id}`, text(header), text(`{http.vars.${id}}`))),
  ];
  const nodes = groupsOf(errors).flatMap((group, index) => {
    const page = forward(backend, {
      middlewares: [],
      more: [line('method', 'GET'), line('rewrite', text(queryOf(errors.query, group))), line('replace_status', statusOf(group))],
    });
    return [
      line(`@${name}s${index}`, 'status', ...statusWords(group.statuses)),
      block(['handle_response', `@${name}s${index}`], [line('header', '*', '-*'), ...(headers ?? []), page]),
    ];
  });
  return {
    matchers: kept.map(({ id }) => block([`@${id}`], [block(['not'], [line('vars', id, text(''))])])),
    directives: [block(['intercept'], nodes)],
  };
}

/** The statuses that are replaced, by what becomes of them. */
function groupsOf({ statuses, rewrites = [] }: Errors): readonly Group[] {
  const caught = new Set(statuses.flatMap(numbersOf));
  const groups = new Map<number | undefined, number[]>();
  for (const status of [...caught].toSorted((a, b) => a - b)) {
    const to = rewrites.find(({ from, to: last }) => status >= from && status <= last)?.status;
    groups.set(to, [...(groups.get(to) ?? []), status]);
  }
  return [...groups].map(([status, members]) => ({ statuses: members, ...(status !== undefined && { status }) }));
}

function numbersOf({ from, to }: { readonly from: number; readonly to: number }): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** Whole hundreds as Caddy writes them. */
function statusWords(statuses: readonly number[]): readonly string[] {
  const known = new Set(statuses);
  const whole = [1, 2, 3, 4, 5].filter((hundred) =>
    numbersOf({ from: hundred * 100, to: hundred * 100 + 99 }).every((one) => known.has(one)),
  );
  return [...whole.map((hundred) => `${hundred}xx`), ...statuses.filter((one) => !whole.includes(Math.floor(one / 100))).map(String)];
}

const ORIGINAL = '{http.intercept.status_code}';

function statusOf({ status }: Group): string | Token {
  return status === undefined ? text(ORIGINAL) : String(status);
}

/** What the other pool is asked for, with a query of its own or none. The URL that failed is encoded once, wherever it stands. */
function queryOf(query: string, { status }: Group): string {
  const [path = '', ...rest] = `/${query.replace(/^\//, '')}`.split('?');
  const url = (uri: string): string => `{http.request.scheme}%3A%2F%2F{http.request.hostport}${uri}`;
  const filled = (part: string, uri: string): string =>
    part
      .split(/(\{status\}|\{originalStatus\}|\{url\})/)
      .map((piece, index) => {
        if (index % 2 === 0) return literalUrl(piece).replaceAll('#', '%23');
        if (piece === '{url}') return url(uri);
        return piece === '{status}' && status !== undefined ? String(status) : ORIGINAL;
      })
      .join('');
  return `${filled(path, '{http.request.uri_escaped}')}?${filled(rest.join('?'), '{http.request.uri}')}`;
}
