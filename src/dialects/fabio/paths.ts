import type { Middleware } from '../../model/middleware.ts';
import type { Option } from './lex.ts';
import { noteAt, refuse, type Note, type Read } from './note.ts';

/** What decides whether a path may be shortened. */
export interface PathContext {
  /** The path of the tag, variables replaced. */
  readonly pathText: string;
  /** The route carries `auth`, `allow` or `deny`: nothing but whole segments of the matched path may be cut off. */
  readonly protectedRoute: boolean;
}

/**
 * Reads `strip` and `prepend` (fabiolb/fabio:proxy/http_proxy.go): a plain string is cut off where the path begins with it, another is
 * put before the rest, which always begins with `/`.
 */
export function readPaths(options: ReadonlyMap<string, Option>, context: PathContext): Read<readonly Middleware[]> {
  const strip = readStrip(options.get('strip'), context);
  const prepend = readPrepend(options.get('prepend'));
  return { value: [...strip.value, ...prepend.value], notes: [...strip.notes, ...prepend.notes] };
}

/** gRPC calls pass Fabio with their path as it is; an option that would change it cannot be meant. */
export function refusePaths(options: ReadonlyMap<string, Option>): readonly Note[] {
  return ['strip', 'prepend'].flatMap((key) => {
    const option = options.get(key);
    const message = `\`${key}\` beside \`proto=grpc\`: Fabio ignores it for gRPC; the route answers 503`;
    return option && option.value !== '' ? [refuse(option, 'FABIO_GRPC_PATH', message)] : [];
  });
}

function readStrip(option: Option | undefined, { pathText, protectedRoute }: PathContext): Read<readonly Middleware[]> {
  if (!option || option.value === '') return { value: [], notes: [] };
  const { value } = option;
  const middlewares: readonly Middleware[] = value.startsWith('/') ? [{ kind: 'stripPrefix', prefixes: [value] }] : [];
  if (protectedRoute && !isWholePrefix(value, pathText)) {
    const message = `Cannot cut "${value}" off a protected route: expected "${pathText}" or whole segments of it; the route answers 503`;
    return { value: middlewares, notes: [noteAt(option, 'FABIO_STRIP_OUTSIDE_PATH', message, { severity: 'error', fault: 'protective' })] };
  }
  if (pathText.startsWith(value)) return { value: middlewares, notes: [] };
  const message = `"${value}" is no prefix of "${pathText}"; it is cut only where it fits, as in Fabio`;
  return { value: middlewares, notes: [noteAt(option, 'FABIO_STRIP_OUTSIDE_PATH', message)] };
}

function isWholePrefix(prefix: string, path: string): boolean {
  return prefix === path || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function readPrepend(option: Option | undefined): Read<readonly Middleware[]> {
  if (!option || option.value === '') return { value: [], notes: [] };
  const prefix = option.value.startsWith('/') ? option.value : `/${option.value}`;
  if (prefix.split('/').every((segment) => !/^(\.|%2e){1,2}$/i.test(segment))) return { value: [{ kind: 'addPrefix', prefix }], notes: [] };
  return { value: [], notes: [refuse(option, 'FABIO_OPTION_VALUE', `Cannot prepend "${prefix}": it holds a dot segment`)] };
}
