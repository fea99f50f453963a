import type { Named } from './named.ts';
import type {
  HttpMiddleware,
  HttpRouter,
  HttpService,
  ServersTransport,
  TcpMiddleware,
  TcpRouter,
  TcpServersTransport,
  TcpService,
  TlsOptions,
  UdpRouter,
  UdpService,
} from './schema.ts';

/** What one route puts into the file. Routers come in the order in which they are asked; none has a priority yet. */
export interface Fragment {
  readonly http?: HttpFragment;
  readonly tcp?: TcpFragment;
  readonly udp?: UdpFragment;
  readonly tlsOptions?: readonly Named<TlsOptions>[];
}

/** An HTTP route's part. */
export interface HttpFragment {
  readonly routers: readonly Named<HttpRouter>[];
  readonly services: readonly Named<HttpService>[];
  readonly middlewares: readonly Named<HttpMiddleware>[];
  readonly transports: readonly Named<ServersTransport>[];
}

/** A TCP route's part. */
export interface TcpFragment {
  readonly routers: readonly Named<TcpRouter>[];
  readonly services: readonly Named<TcpService>[];
  readonly middlewares: readonly Named<TcpMiddleware>[];
  readonly transports: readonly Named<TcpServersTransport>[];
}

/** A UDP route's part. */
export interface UdpFragment {
  readonly routers: readonly Named<UdpRouter>[];
  readonly services: readonly Named<UdpService>[];
}
