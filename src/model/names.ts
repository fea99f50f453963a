declare const brand: unique symbol;

/** A type that must not be mixed with others of the same run-time kind. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Which catalog said it: `consul`, `nomad`, `file`, `static`. */
export type SourceId = Brand<string, 'SourceId'>;
/** Who may change a route: a Nomad namespace or a Consul partition/namespace; `default` where the catalog has none. */
export type OwnerId = Brand<string, 'OwnerId'>;
/** The name of a service exactly as its catalog has it: any bytes. */
export type ServiceName = Brand<string, 'ServiceName'>;
/** Identity of a route: `<slug>-<20 hex>`, safe in every file and URL. */
export type RouteId = Brand<string, 'RouteId'>;
/** Identity of a backend: `<slug>-<20 hex>`. */
export type BackendId = Brand<string, 'BackendId'>;
/** SHA-256 as 64 lower-case hex digits. */
export type Digest = Brand<string, 'Digest'>;
/** A host name or IP literal as a request may carry it, lower-case, without port; see `parseHostname`. */
export type Hostname = Brand<string, 'Hostname'>;
/** A TCP or UDP port, 1–65535. */
export type Port = Brand<number, 'Port'>;

export const sourceId = (text: string): SourceId => text as SourceId;
export const ownerId = (text: string): OwnerId => text as OwnerId;
export const serviceName = (text: string): ServiceName => text as ServiceName;
export const routeId = (text: string): RouteId => text as RouteId;
export const backendId = (text: string): BackendId => text as BackendId;
export const digest = (text: string): Digest => text as Digest;

/** The owner of everything in a catalog that knows no namespaces. */
export const DEFAULT_OWNER: OwnerId = ownerId('default');

/**
 * A host of `[a-z0-9_-]` labels of at most 63 characters, 253 in all, or an IP literal (IPv6 in brackets), lower-cased;
 * undefined when the text is none. Wildcards and globs are no host names.
 */
export function parseHostname(text: string): Hostname | undefined {
  const lower = text.toLowerCase();
  if (lower.startsWith('[')) return isBracketedIpv6(lower) ? (lower as Hostname) : undefined;
  if (lower.length === 0 || lower.length > 253) return undefined;
  return lower.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label)) ? (lower as Hostname) : undefined;
}

/** A port from its decimal digits or number; undefined outside 1–65535. */
export function parsePort(value: string | number): Port | undefined {
  const number = typeof value === 'number' ? value : /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
  return Number.isInteger(number) && number >= 1 && number <= 65535 ? (number as Port) : undefined;
}

function isBracketedIpv6(text: string): boolean {
  return /^\[[0-9a-f:.]{2,45}\]$/.test(text) && text.includes(':');
}
