import type { HeaderValue } from '../model/middleware.ts';

/** A request as a client of the configured proxy would send it. */
export interface AskedRequest {
  /** The name of the entry point that it arrives at. */
  readonly entryPoint: string;
  /** The Host header; a port in it is a configured one. */
  readonly host: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly method: string;
  readonly headers: readonly HeaderValue[];
  /** The client's address, on loopback. */
  readonly from: string;
  /** The server name of the TLS handshake; absent: the host. */
  readonly sni?: string;
}

/** Methods of requests that change nothing. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The text of a request that tells it from every other. */
export function requestKey({ entryPoint, host, path, method, headers, from, sni }: AskedRequest): string {
  return JSON.stringify([entryPoint, host, path, method, headers.map(({ name, value }) => [name, value]), from, sni]);
}

/** Each request once, as and where it appears first. */
export function distinctRequests<R extends AskedRequest>(requests: readonly R[]): readonly R[] {
  const first = new Map<string, R>();
  for (const request of requests) first.set(requestKey(request), first.get(requestKey(request)) ?? request);
  return [...first.values()];
}
