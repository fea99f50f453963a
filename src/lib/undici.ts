import { createRequire } from 'node:module';
import type * as undici from 'undici';

/*
 * What is used of undici. The package as a whole also loads fetch, WebSocket, caches and mocks: 6 MB, and a tenth of the first start. It
 * lists no exports, so that its files can be had one by one; the version is pinned.
 */
const load = createRequire(import.meta.url);

/** A client for any number of origins, with a pool of connections for each. */
export const Agent: typeof undici.Agent = load('undici/lib/dispatcher/agent.js');

/** One of them. */
export type Agent = undici.Agent;

/** What makes the connections of an `Agent`, with other options for its sockets. */
export const buildConnector: typeof undici.buildConnector = load('undici/lib/core/connect.js');

/** Makes one connection. */
export type Connector = undici.buildConnector.connector;

/** How a request is made: as undici's, and always by a dispatcher of one's own. */
export interface RequestOptions extends Omit<undici.Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> {
  readonly dispatcher: undici.Dispatcher;
  readonly method?: 'GET' | 'POST' | 'PUT';
}

/** Makes a request and returns the answer when its head is there. Rejects where there is none, and for what ends `signal`. */
export async function request(
  url: string,
  { dispatcher, method = 'GET', ...rest }: RequestOptions,
): Promise<undici.Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  return requestBy.call(dispatcher, { ...rest, method, origin, path: `${pathname}${search}` });
}

const requestBy: (this: undici.Dispatcher, options: undici.Dispatcher.RequestOptions) => Promise<undici.Dispatcher.ResponseData> =
  load('undici/lib/api/api-request.js');
