/**
 * What we write of Traefik 3.7's dynamic configuration (traefik/traefik:pkg/config/dynamic), field by field: a key that Traefik does not
 * know would make it refuse the whole file. Fields that are undefined are not printed; a map is undefined rather than empty.
 */

/** Traefik's way of saying "with its own defaults"; one of the few places where it takes an empty map. */
export type Defaults = Readonly<Record<string, never>>;

type Maybe<T> = T | undefined;
/** A list of texts; none may hold `║`. */
export type Texts = readonly string[];
/** Values by name; never empty. */
export type ByName<T> = { readonly [name: string]: T };

/** A router: TLS requests where `tls` is there, else plain ones. Its priority comes last. */
export type HttpRouter = {
  readonly rule: string;
  readonly entryPoints: Texts;
  readonly service: string;
  readonly middlewares?: Maybe<Texts>;
  readonly tls?: Maybe<{ readonly options?: Maybe<string> }>;
};

/** A router with its place: higher ones are asked first. */
export type Ranked<T> = T & { readonly priority: number };

/** A router of connections. */
export type TcpRouter = {
  readonly rule: string;
  readonly entryPoints: Texts;
  readonly service: string;
  readonly middlewares?: Maybe<Texts>;
  readonly tls?: Maybe<{ readonly passthrough?: Maybe<true>; readonly options?: Maybe<string> }>;
};

/** A router of datagrams: everything on its entry points. */
export type UdpRouter = { readonly entryPoints: Texts; readonly service: string };

/** A cookie that keeps a client at its server. */
export type Cookie = {
  readonly name?: Maybe<string>;
  readonly secure?: Maybe<boolean>;
  readonly httpOnly?: Maybe<boolean>;
  readonly sameSite?: Maybe<'none' | 'lax' | 'strict'>;
  readonly maxAge?: Maybe<number>;
  readonly path?: Maybe<string>;
  readonly domain?: Maybe<string>;
};

/** Requests that decide which servers get others. */
export type ServerHealthCheck = {
  readonly mode?: Maybe<'http' | 'grpc'>;
  readonly scheme?: Maybe<string>;
  readonly hostname?: Maybe<string>;
  readonly port?: Maybe<number>;
  readonly path?: Maybe<string>;
  readonly method?: Maybe<string>;
  readonly headers?: Maybe<ByName<string>>;
  readonly status?: Maybe<number>;
  readonly interval?: Maybe<string>;
  readonly unhealthyInterval?: Maybe<string>;
  readonly timeout?: Maybe<string>;
  readonly followRedirects?: Maybe<boolean>;
};

/** A pool of HTTP servers. */
export type ServersLoadBalancer = {
  readonly servers: readonly { readonly url: string; readonly weight?: Maybe<number> }[];
  readonly strategy?: Maybe<'p2c' | 'hrw' | 'leasttime'>;
  readonly sticky?: Maybe<{ readonly cookie: Cookie }>;
  readonly healthCheck?: Maybe<ServerHealthCheck>;
  readonly passiveHealthCheck?: Maybe<{ readonly maxFailedAttempts?: Maybe<number>; readonly failureWindow?: Maybe<string> }>;
  readonly passHostHeader?: Maybe<false>;
  readonly responseForwarding?: Maybe<{ readonly flushInterval: string }>;
  readonly serversTransport?: Maybe<string>;
};

/** A service and its share. */
export type WeightedService = { readonly name: string; readonly weight: number };

/** A service is of one type; its middlewares come after those of the router (3.7). */
export type HttpService = { readonly middlewares?: Maybe<Texts> } & (
  | { readonly loadBalancer: ServersLoadBalancer }
  | {
      readonly weighted: {
        readonly services: readonly WeightedService[];
        readonly sticky?: Maybe<{ readonly cookie: Cookie }>;
        readonly healthCheck?: Maybe<Defaults>;
      };
    }
  | { readonly highestRandomWeight: { readonly services: readonly WeightedService[]; readonly healthCheck?: Maybe<Defaults> } }
);

/** How HTTP servers are spoken to. */
export type ServersTransport = {
  readonly serverName?: Maybe<string>;
  readonly insecureSkipVerify?: Maybe<true>;
  readonly rootCAs?: Maybe<Texts>;
  readonly forwardingTimeouts?: Maybe<{
    readonly dialTimeout?: Maybe<string>;
    readonly responseHeaderTimeout?: Maybe<string>;
    readonly idleConnTimeout?: Maybe<string>;
  }>;
};

/** Whose address counts; a depth of 0 is that of the connection. */
export type IpStrategy = {
  readonly depth?: Maybe<number>;
  readonly excludedIPs?: Maybe<Texts>;
  readonly ipv6Subnet?: Maybe<number>;
};

/** What makes two requests come from one client. */
export type SourceCriterion = { readonly ipStrategy: IpStrategy } | { readonly requestHeaderName: string } | { readonly requestHost: true };

/** Everything that the middleware for headers does. */
export type Headers = {
  readonly customRequestHeaders?: Maybe<ByName<string>>;
  readonly customResponseHeaders?: Maybe<ByName<string>>;
  readonly accessControlAllowCredentials?: Maybe<true>;
  readonly accessControlAllowHeaders?: Maybe<Texts>;
  readonly accessControlAllowMethods?: Maybe<Texts>;
  readonly accessControlAllowOriginList?: Maybe<Texts>;
  readonly accessControlAllowOriginListRegex?: Maybe<Texts>;
  readonly accessControlExposeHeaders?: Maybe<Texts>;
  readonly accessControlMaxAge?: Maybe<number>;
  readonly addVaryHeader?: Maybe<true>;
  readonly allowedHosts?: Maybe<Texts>;
  readonly stsSeconds?: Maybe<number>;
  readonly stsIncludeSubdomains?: Maybe<true>;
  readonly stsPreload?: Maybe<true>;
  readonly forceSTSHeader?: Maybe<true>;
};

type DistinguishedName =
  | 'commonName'
  | 'country'
  | 'domainComponent'
  | 'locality'
  | 'organization'
  | 'organizationalUnit'
  | 'province'
  | 'serialNumber';

/** What is handed on of a client's certificate. */
export type CertificateInfo = {
  readonly notAfter?: Maybe<true>;
  readonly notBefore?: Maybe<true>;
  readonly sans?: Maybe<true>;
  readonly serialNumber?: Maybe<true>;
  readonly subject?: Maybe<{ readonly [name in DistinguishedName]?: Maybe<true> }>;
  readonly issuer?: Maybe<{ readonly [name in Exclude<DistinguishedName, 'organizationalUnit'>]?: Maybe<true> }>;
};

/** A middleware is of one type. */
export type HttpMiddleware =
  | { readonly addPrefix: { readonly prefix: string } }
  | { readonly stripPrefix: { readonly prefixes: Texts } }
  | { readonly stripPrefixRegex: { readonly regex: Texts } }
  | { readonly replacePath: { readonly path: string } }
  | { readonly replacePathRegex: { readonly regex: string; readonly replacement: string } }
  | { readonly redirectScheme: { readonly scheme: string; readonly port?: Maybe<string>; readonly permanent: boolean } }
  | { readonly redirectRegex: { readonly regex: string; readonly replacement: string; readonly permanent: boolean } }
  | { readonly headers: Headers }
  | {
      readonly ipAllowList: {
        readonly sourceRange: Texts;
        readonly ipStrategy?: Maybe<IpStrategy>;
        readonly rejectStatusCode?: Maybe<number>;
      };
    }
  | {
      readonly basicAuth: {
        readonly users: Texts;
        readonly realm?: Maybe<string>;
        readonly removeHeader?: Maybe<true>;
        readonly headerField?: Maybe<string>;
      };
    }
  | {
      readonly digestAuth: {
        readonly users: Texts;
        readonly realm?: Maybe<string>;
        readonly removeHeader?: Maybe<true>;
        readonly headerField?: Maybe<string>;
      };
    }
  | {
      readonly forwardAuth: {
        readonly address: string;
        readonly trustForwardHeader: false;
        readonly preserveLocationHeader: true;
        readonly maxResponseBodySize: number;
        readonly authResponseHeaders?: Maybe<Texts>;
      };
    }
  | {
      readonly rateLimit: {
        readonly average: number;
        readonly period: string;
        readonly burst: number;
        readonly sourceCriterion: SourceCriterion;
      };
    }
  | { readonly inFlightReq: { readonly amount: number; readonly sourceCriterion: SourceCriterion } }
  | {
      readonly buffering: {
        readonly maxRequestBodyBytes?: Maybe<number>;
        readonly memRequestBodyBytes?: Maybe<number>;
        readonly maxResponseBodyBytes?: Maybe<number>;
        readonly memResponseBodyBytes?: Maybe<number>;
        readonly retryExpression?: Maybe<string>;
      };
    }
  | {
      readonly compress: {
        readonly encodings?: Maybe<Texts>;
        readonly defaultEncoding?: Maybe<string>;
        readonly includedContentTypes?: Maybe<Texts>;
        readonly excludedContentTypes?: Maybe<Texts>;
        readonly minResponseBodyBytes?: Maybe<number>;
      };
    }
  | {
      readonly retry: {
        readonly attempts: number;
        readonly initialInterval?: Maybe<string>;
        readonly timeout?: Maybe<string>;
        readonly status?: Maybe<Texts>;
        readonly maxRequestBodyBytes?: Maybe<number>;
        readonly disableRetryOnNetworkError?: Maybe<true>;
        readonly retryNonIdempotentMethod?: Maybe<true>;
      };
    }
  | {
      readonly circuitBreaker: {
        readonly expression: string;
        readonly checkPeriod?: Maybe<string>;
        readonly fallbackDuration?: Maybe<string>;
        readonly recoveryDuration?: Maybe<string>;
        readonly responseCode?: Maybe<number>;
      };
    }
  | {
      readonly errors: {
        readonly status: Texts;
        readonly statusRewrites?: Maybe<ByName<number>>;
        readonly service: string;
        readonly query: string;
        readonly errorRequestHeaders?: Maybe<Texts>;
      };
    }
  | { readonly contentType: Defaults }
  | { readonly grpcWeb: { readonly allowOrigins: Texts } }
  | { readonly passTLSClientCert: { readonly pem: boolean; readonly info?: Maybe<CertificateInfo> } }
  | {
      readonly encodedCharacters: {
        readonly allowEncodedBackSlash: boolean;
        readonly allowEncodedHash: boolean;
        readonly allowEncodedNullCharacter: boolean;
        readonly allowEncodedPercent: boolean;
        readonly allowEncodedQuestionMark: boolean;
        readonly allowEncodedSemicolon: boolean;
        readonly allowEncodedSlash: boolean;
      };
    };

/** A middleware of connections is of one type. */
export type TcpMiddleware =
  | { readonly ipAllowList: { readonly sourceRange: Texts } }
  | { readonly inFlightConn: { readonly amount: number } };

/** A service of connections is of one type. */
export type TcpService =
  | {
      readonly loadBalancer: {
        readonly servers: readonly { readonly address: string; readonly tls?: Maybe<true> }[];
        readonly serversTransport?: Maybe<string>;
        readonly healthCheck?: Maybe<{
          readonly port?: Maybe<number>;
          readonly send?: Maybe<string>;
          readonly expect?: Maybe<string>;
          readonly interval?: Maybe<string>;
          readonly unhealthyInterval?: Maybe<string>;
          readonly timeout?: Maybe<string>;
        }>;
      };
    }
  | { readonly weighted: { readonly services: readonly WeightedService[]; readonly healthCheck?: Maybe<Defaults> } };

/** How servers of connections are spoken to. */
export type TcpServersTransport = {
  readonly dialTimeout?: Maybe<string>;
  readonly terminationDelay?: Maybe<string>;
  readonly proxyProtocol?: Maybe<{ readonly version: 1 | 2 }>;
  readonly tls?: Maybe<{
    readonly serverName?: Maybe<string>;
    readonly insecureSkipVerify?: Maybe<true>;
    readonly rootCAs?: Maybe<Texts>;
  }>;
};

/** A service of datagrams is of one type. */
export type UdpService =
  | { readonly loadBalancer: { readonly servers: readonly { readonly address: string }[] } }
  | { readonly weighted: { readonly services: readonly WeightedService[] } };

/** How TLS is ended. */
export type TlsOptions = {
  readonly minVersion: 'VersionTLS12' | 'VersionTLS13';
  readonly cipherSuites?: Maybe<Texts>;
  readonly curvePreferences?: Maybe<Texts>;
  readonly clientAuth?: Maybe<{ readonly caFiles: Texts; readonly clientAuthType: string }>;
};

/** A certificate and its key as files. */
export type CertificatePair = { readonly certFile: string; readonly keyFile: string };

/** The whole dynamic file. */
export type DynamicConfig = {
  readonly http: {
    readonly routers: ByName<Ranked<HttpRouter>>;
    readonly services: ByName<HttpService>;
    readonly middlewares: ByName<HttpMiddleware>;
    readonly serversTransports?: Maybe<ByName<ServersTransport>>;
  };
  readonly tcp?: Maybe<{
    readonly routers: ByName<Ranked<TcpRouter>>;
    readonly services: ByName<TcpService>;
    readonly middlewares?: Maybe<ByName<TcpMiddleware>>;
    readonly serversTransports?: Maybe<ByName<TcpServersTransport>>;
  }>;
  readonly udp?: Maybe<{ readonly routers: ByName<UdpRouter>; readonly services: ByName<UdpService> }>;
  readonly tls: {
    readonly certificates?: Maybe<readonly CertificatePair[]>;
    readonly options: ByName<TlsOptions>;
    readonly stores: { readonly default: { readonly defaultCertificate: CertificatePair } };
  };
};
