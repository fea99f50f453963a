import { z } from 'zod';
import { isPlainCidr } from '../lib/ip.ts';
import { parseHostname } from '../model/names.ts';
import { parseDurationMs } from './duration.ts';
import { parseBytes } from './size.ts';

const text = z.string().min(1);
const printable = z.string().regex(/^[\x20-\x7e]*$/, 'expected printable ASCII');
const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected a header name of letters, digits and "-"');
const cidrs = z.array(z.string().refine((value) => isPlainCidr(value), 'expected an address or CIDR block')).min(1);
const duration = z
  .string()
  .refine((value) => parseDurationMs(value) !== undefined, 'expected a duration such as 100ms, 2s or 5m')
  .transform((value) => parseDurationMs(value) ?? 0);
const bytes = z
  .union([z.int().min(1), z.string()])
  .refine((value) => parseBytes(value) !== undefined, 'expected a size such as 10MB or 65536')
  .transform((value) => parseBytes(value) ?? 0);
const headers = z.strictObject({
  set: z.record(headerName, printable).default({}),
  remove: z.array(headerName).default([]),
});
const criterion = z
  .string()
  .regex(/^(ip|host|header:[A-Za-z0-9-]{1,64})$/, 'expected ip, host or header:NAME')
  .default('ip');

/** Headers that a policy sets and removes. */
export interface HeaderConfig {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** One policy, checked. Durations are ms, sizes bytes. */
export interface PolicyConfig {
  readonly basicAuth?: { readonly usersFile: string; readonly realm?: string | undefined; readonly removeHeader: boolean } | undefined;
  readonly forwardAuth?:
    | { readonly address: string; readonly copyHeaders: readonly string[]; readonly bypass: readonly string[] }
    | undefined;
  readonly ipAllow?: readonly string[] | undefined;
  readonly ipDeny?: readonly string[] | undefined;
  readonly redirectHttps?: boolean | { readonly permanent: boolean } | undefined;
  readonly headers?: (HeaderConfig & { readonly request?: HeaderConfig | undefined }) | undefined;
  readonly securityHeaders?: boolean | undefined;
  readonly hsts?: { readonly maxAge: number; readonly includeSubdomains: boolean; readonly preload: boolean } | undefined;
  readonly maxBody?: number | undefined;
  readonly rateLimit?: { readonly average: number; readonly period: number; readonly burst: number; readonly by: string } | undefined;
  readonly inFlight?: { readonly amount: number; readonly by: string } | undefined;
  readonly retry?: { readonly attempts: number; readonly initialInterval?: number | undefined } | undefined;
  readonly compress?: boolean | { readonly encodings: readonly string[]; readonly minBytes?: number | undefined } | undefined;
  readonly tls?:
    | {
        readonly minVersion?: '1.2' | '1.3' | undefined;
        readonly cipherSuites?: readonly string[] | undefined;
        readonly curves?: readonly string[] | undefined;
      }
    | undefined;
  readonly clientAuth?:
    | { readonly caFiles: readonly string[]; readonly mode: 'request' | 'require' | 'verifyIfGiven' | 'requireAndVerify' }
    | undefined;
}

/** One policy as the operator writes it. What both proxies can do, but for the keys that the capabilities page names. */
export const policySchema: z.ZodType<PolicyConfig> = z.strictObject({
  basicAuth: z
    .strictObject({ usersFile: text, realm: printable.optional(), removeHeader: z.boolean().default(false) })
    .optional()
    .meta({ description: 'Asks for a user of an htpasswd file (bcrypt only)' }),
  forwardAuth: z
    .strictObject({
      address: z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' }),
      copyHeaders: z.union([z.array(headerName), z.record(headerName, z.string()).transform((map) => Object.keys(map))]).default([]),
      bypass: z.union([cidrs, z.array(z.never())]).default([]),
    })
    .optional()
    .meta({ description: 'Asks another server first; only a 2xx lets a request through' }),
  ipAllow: cidrs.optional().meta({ description: 'Who may come in; everybody else gets 403' }),
  ipDeny: cidrs.optional().meta({ description: 'Who gets 403' }),
  redirectHttps: z
    .union([z.boolean(), z.strictObject({ permanent: z.boolean().default(false) })])
    .optional()
    .meta({ description: 'Redirects plain requests to https: 302 and 307, or 301 and 308 where permanent' }),
  headers: headers
    .extend({ request: headers.optional() })
    .optional()
    .meta({ description: 'Headers of the answer, and under `request` of what the instance gets' }),
  securityHeaders: z.boolean().optional().meta({ description: 'A preset of headers that keep browsers careful' }),
  hsts: z
    .strictObject({ maxAge: duration, includeSubdomains: z.boolean().default(false), preload: z.boolean().default(false) })
    .optional()
    .meta({ description: 'Strict-Transport-Security on TLS requests' }),
  maxBody: bytes.optional().meta({ description: 'The largest request body; larger ones get 413' }),
  rateLimit: z
    .strictObject({
      average: z.int().min(1).default(100),
      period: duration.default(1000),
      burst: z.int().min(1).default(50),
      by: criterion,
    })
    .optional()
    .meta({ description: 'Requests per period and client; more get 429' }),
  inFlight: z
    .strictObject({ amount: z.int().min(1), by: criterion })
    .optional()
    .meta({ description: 'Requests of one client at once; more get 429' }),
  retry: z
    .strictObject({ attempts: z.int().min(1).max(10).default(2), initialInterval: duration.optional() })
    .optional()
    .meta({ description: 'Tries other instances where one does not answer' }),
  compress: z
    .union([z.boolean(), z.strictObject({ encodings: z.array(z.enum(['zstd', 'br', 'gzip'])).min(1), minBytes: bytes.optional() })])
    .optional()
    .meta({ description: 'Compresses answers' }),
  tls: z
    .strictObject({
      minVersion: z.enum(['1.2', '1.3']).optional(),
      cipherSuites: z.array(z.string().regex(/^TLS_[A-Z0-9_]+$/)).optional(),
      curves: z.array(z.enum(['X25519', 'P256', 'P384', 'P521'])).optional(),
    })
    .optional()
    .meta({ description: 'How TLS is ended for the hosts of its routes' }),
  clientAuth: z
    .strictObject({
      caFiles: z.array(text).min(1),
      mode: z.enum(['request', 'require', 'verifyIfGiven', 'requireAndVerify']).default('requireAndVerify'),
    })
    .optional()
    .meta({ description: 'Asks clients for a certificate' }),
});

/** A transport, checked. Durations are ms. */
export interface TransportConfig {
  readonly serverName?: string | undefined;
  readonly skipVerify: boolean;
  readonly rootCAs: readonly string[];
  readonly timeouts: { readonly dial?: number | undefined; readonly response?: number | undefined; readonly idle?: number | undefined };
}

/** A transport as the operator writes it. */
export const transportSchema: z.ZodType<TransportConfig> = z.strictObject({
  serverName: z.preprocess(
    (value) => (value === null ? undefined : value),
    z
      .string()
      .refine((value) => parseHostname(value) !== undefined, 'expected a host name')
      .optional(),
  ),
  skipVerify: z.boolean().default(false),
  rootCAs: z.array(text).default([]),
  timeouts: z.preprocess(
    (value) => value ?? {},
    z.strictObject({ dial: duration.optional(), response: duration.optional(), idle: duration.optional() }),
  ),
});
