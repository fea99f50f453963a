import type { DiagnosticCode } from '../model/codes.ts';
import { openedName, type EntryPoint, type EntryPointChoice } from '../model/entry-point.ts';
import type { CompileOptions } from './options.ts';

/** The entry points that a choice stands for, and what is wrong with it. No names: the route is not rendered. */
export interface ResolvedEntryPoints {
  /** Sorted. */
  readonly names: readonly string[];
  readonly problems: readonly { readonly code: DiagnosticCode; readonly message: string }[];
}

/** Ports below are the operator's. */
const FIRST_FREE_PORT = 1024;

/**
 * Resolves a tag's choice to the names of entry points. Routes that name none join every http entry point of their kind: with TLS
 * those that end it, without TLS the others; `both` joins all. tcp and udp routes go only to entry points declared so.
 */
export function resolveEntryPoints(
  choice: EntryPointChoice,
  options: Pick<CompileOptions, 'entryPoints' | 'tls' | 'openPorts'>,
): ResolvedEntryPoints {
  const { entryPoints, tls } = options;
  if ('secondary' in choice && choice.secondary) return { ...resolveEntryPoints({ kind: choice.kind }, options), problems: [] };
  if (needsTls(choice) && !tls)
    return none('ROUTE_TLS_OFF', 'Cannot serve the route: it needs TLS and `tls.mode` is off, expected `tls.mode: internal` or `files`');
  const http = entryPoints.filter(({ protocol }) => protocol === 'http');
  switch (choice.kind) {
    case 'plain':
      return found(http.filter((entryPoint) => !entryPoint.tls));
    case 'tls':
      return found(http.filter((entryPoint) => entryPoint.tls));
    case 'both':
      return found(http.filter((entryPoint) => tls || !entryPoint.tls));
    case 'port':
      return onPort(choice, options);
    case 'named':
      return named(choice.names, entryPoints, (entryPoint) => entryPoint.protocol === 'http' && entryPoint.tls === choice.tls);
    case 'tcp':
    case 'udp':
      return connections(choice, entryPoints, tls);
    default:
      throw new TypeError(`Cannot resolve entry points: ${JSON.stringify(choice satisfies never)}`);
  }
}

function needsTls(choice: EntryPointChoice): boolean {
  return choice.kind === 'tls' || ((choice.kind === 'named' || choice.kind === 'port') && choice.tls);
}

function onPort(
  { port, tls }: Extract<EntryPointChoice, { kind: 'port' }>,
  { entryPoints, openPorts }: Pick<CompileOptions, 'entryPoints' | 'openPorts'>,
): ResolvedEntryPoints {
  const there = entryPoints.filter((entryPoint) => entryPoint.port === port);
  const fitting = there.filter((entryPoint) => entryPoint.protocol === 'http' && entryPoint.tls === tls);
  if (fitting.length > 0) return found(fitting);
  if (there.length === 0) {
    const problem =
      openPorts === 'none' || !tls ? 'no entry point' : openPorts.except.has(port) ? 'an administrative endpoint is' : undefined;
    if (problem === undefined && port >= FIRST_FREE_PORT) return { names: [openedName(port)], problems: [] };
    const reason = problem === undefined ? `ports below ${FIRST_FREE_PORT} are only opened by configuration` : `${problem} on port ${port}`;
    return none('ROUTE_ENTRYPOINT_MISSING', `Cannot serve the route: ${reason}`);
  }
  return none(
    'ROUTE_ENTRYPOINT_KIND',
    `Cannot serve the route: port ${port} is of another kind, expected http ${tls ? 'with' : 'without'} TLS`,
  );
}

/** Entry points of tcp and udp, which no request can be told from another on. */
function connections(
  choice: Extract<EntryPointChoice, { kind: 'tcp' | 'udp' }>,
  entryPoints: readonly EntryPoint[],
  tls: boolean,
): ResolvedEntryPoints {
  const { kind, port, beforeTls = false } = choice;
  const isOfKind = ({ protocol }: EntryPoint): boolean => protocol === kind;
  if (choice.names) return named(choice.names, entryPoints, isOfKind);
  const endsTls = (entryPoint: EntryPoint): boolean => tls && entryPoint.protocol === 'http' && entryPoint.tls;
  if (port === undefined) {
    const fitting = entryPoints.filter((entryPoint) => isOfKind(entryPoint) || (beforeTls && endsTls(entryPoint)));
    return found(fitting, `no entry point is declared \`${kind}\``);
  }
  const there = entryPoints.filter((entryPoint) => entryPoint.port === port);
  if (there.some(isOfKind)) return found(there.filter(isOfKind));
  if (there.length === 0)
    return none(
      'ROUTE_ENTRYPOINT_MISSING',
      `Cannot serve the ${kind} route: no entry point on port ${port}, expected one with \`protocol: ${kind}\``,
    );
  const speaks = there.map(({ protocol }) => protocol).join(', ');
  return none(
    'ROUTE_ENTRYPOINT_KIND',
    `Cannot serve the ${kind} route: the entry point on port ${port} speaks ${speaks}, expected \`protocol: ${kind}\``,
  );
}

function named(
  names: readonly string[],
  entryPoints: readonly EntryPoint[],
  fits: (entryPoint: EntryPoint) => boolean,
): ResolvedEntryPoints {
  const problems: { code: DiagnosticCode; message: string }[] = [];
  const fitting: EntryPoint[] = [];
  for (const name of names) {
    const entryPoint = entryPoints.find((candidate) => candidate.name === name);
    if (!entryPoint) {
      const known = entryPoints.map((candidate) => candidate.name).join(', ');
      problems.push({
        code: 'TRAEFIK_ENTRYPOINT_UNKNOWN',
        message: `Cannot use entry point "${name}": it is not configured, expected one of ${known}`,
      });
    } else if (fits(entryPoint)) fitting.push(entryPoint);
    else
      problems.push({
        code: 'ROUTE_ENTRYPOINT_KIND',
        message: `Cannot use entry point "${name}": ${kindOf(entryPoint)} does not fit this router`,
      });
  }
  return { names: fitting.map(({ name }) => name).toSorted(), problems };
}

function kindOf({ protocol, tls }: EntryPoint): string {
  return protocol === 'http' ? `http ${tls ? 'with' : 'without'} TLS` : protocol;
}

function found(entryPoints: readonly EntryPoint[], otherwise = 'no entry point of its kind is configured'): ResolvedEntryPoints {
  if (entryPoints.length === 0) return none('ROUTE_ENTRYPOINT_MISSING', `Cannot serve the route: ${otherwise}`);
  return { names: entryPoints.map(({ name }) => name).toSorted(), problems: [] };
}

function none(code: DiagnosticCode, message: string): ResolvedEntryPoints {
  return { names: [], problems: [{ code, message }] };
}
