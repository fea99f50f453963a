import { connect } from 'node:net';
import { joinHostPort } from '../lib/host.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Answer } from './answer.ts';
import { createAsker, type Place } from './ask.ts';
import type { Side } from './compare.ts';

const CONNECT_MS = 5000;

/** Nobody listens where a proxy is to be asked. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/**
 * A proxy that runs already, by its URLs: at most one for each entry point, `http://host:port` for plain ones and `https://…` for those
 * that end TLS. An entry point is asked at the URL with its port, else at the first of its kind. Throws `RangeError` for a text that is
 * no such URL, `UnreachableError` where nobody listens at one.
 */
export async function openRunning(
  urls: readonly string[],
  { entryPoints }: { readonly entryPoints: readonly EntryPoint[] },
): Promise<Side & AsyncDisposable> {
  const places = urls.map(placeOf);
  await Promise.all(places.map(assertListening));
  const asker = createAsker({ answering: 'programs' });
  return {
    async ask(request, signal) {
      const point = entryPoints.find(({ name }) => name === request.entryPoint);
      const fitting = places.filter(({ tls }) => tls === (point?.tls ?? false));
      const place = fitting.find(({ port }) => port === point?.port) ?? fitting[0];
      if (!place) return { status: 0, headers: [], body: '', failure: `no URL is given for ${request.entryPoint}` };
      return withoutPorts(await asker.ask(place, request, signal), places);
    },
    async [Symbol.asyncDispose]() {
      asker[Symbol.dispose]();
    },
  };
}

function placeOf(text: string): Place {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.pathname !== '/' || url.username !== '')
    throw new RangeError(`Cannot ask "${text}", expected http://host:port or https://host:port`);
  const tls = url.protocol === 'https:';
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? (tls ? 443 : 80) : Number(url.port), tls };
}

function assertListening({ host, port }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const refuse = (cause?: Error): void => {
      socket.destroy();
      const why = cause?.message ?? `no connection within ${CONNECT_MS} ms`;
      reject(
        new UnreachableError(`Cannot ask ${joinHostPort(host, port)}: ${why}; start the proxy, or give the URL where it listens`, {
          cause,
        }),
      );
    };
    socket.once('timeout', () => refuse());
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

/** Redirects to another entry point name its port, which differs between two proxies that run beside each other. */
function withoutPorts(answer: Answer, places: readonly Place[]): Answer {
  const isOwn = (digits: string): boolean => places.some(({ port }) => port === Number(digits));
  const headers = answer.headers.map(([name, value]): readonly [string, string] => [
    name,
    name === 'location'
      ? value.replace(/^(https?:\/\/[^/?#]*):(\d+)/, (text, host: string, digits: string) => (isOwn(digits) ? host : text))
      : value,
  ]);
  return { ...answer, headers };
}
