import type { HeaderValue, Middleware } from '../../../model/middleware.ts';
import { boolOf, fieldOf, fieldsUnder, listIn, numberOf, textOf } from '../items.ts';
import type { Tell } from '../tell.ts';
import { badValue, type MiddlewareItem, type MiddlewareReading } from './reading.ts';

/** What `headers` says for browsers: headers of answers with fixed names, Strict-Transport-Security, the hosts that are let in. */
export type SecurityReading =
  | { readonly response: readonly HeaderValue[]; readonly middlewares: readonly Middleware[] }
  | { readonly fault: MiddlewareReading };

/** Labels whose value is that of a header. */
const AS_THEY_ARE = [
  ['headers.contentSecurityPolicy', 'Content-Security-Policy'],
  ['headers.contentSecurityPolicyReportOnly', 'Content-Security-Policy-Report-Only'],
  ['headers.referrerPolicy', 'Referrer-Policy'],
  ['headers.permissionsPolicy', 'Permissions-Policy'],
] as const;

/** Reads them as traefik/traefik:pkg/middlewares/headers/secure.go and unrolled/secure 1.0.9 do; `isDevelopment` takes two of them out. */
export function readSecurity(item: MiddlewareItem, tell: Tell): SecurityReading {
  const isDevelopment = boolOf(item, 'headers.isDevelopment') ?? false;
  const response = [...AS_THEY_ARE.flatMap(([key, name]) => plainHeader(item, key, name, tell)), ...switchedHeaders(item)];
  const maxAgeSeconds = numberOf(item, 'headers.stsSeconds') ?? 0;
  if (maxAgeSeconds < 0)
    return { fault: badValue(item, { field: fieldOf(item, 'headers.stsSeconds'), expected: 'no negative number' }, tell) };
  const hosts = listIn(item, 'headers.allowedHosts');
  const hsts: readonly Middleware[] =
    maxAgeSeconds === 0 || isDevelopment
      ? []
      : [
          {
            kind: 'hsts',
            maxAgeSeconds,
            includeSubdomains: boolOf(item, 'headers.stsIncludeSubdomains') ?? false,
            preload: boolOf(item, 'headers.stsPreload') ?? false,
            always: boolOf(item, 'headers.forceSTSHeader') ?? false,
          },
        ];
  const allowed: readonly Middleware[] = hosts.length === 0 || isDevelopment ? [] : [{ kind: 'allowedHosts', hosts }];
  reportLosses(item, { hasHsts: hsts.length > 0, hasHosts: allowed.length > 0 }, tell);
  return { response, middlewares: [...allowed, ...hsts] };
}

function plainHeader(item: MiddlewareItem, key: (typeof AS_THEY_ARE)[number][0], name: string, tell: Tell): readonly HeaderValue[] {
  const value = textOf(item, key) ?? '';
  if (value === '') return [];
  if (!value.includes('$NONCE')) return [{ name, value }];
  const span = fieldOf(item, key)?.label.valueSpan ?? item.span;
  tell('TRAEFIK_LABEL_UNSERVED', `Cannot make a nonce for each answer: served without ${name}`, span);
  return [];
}

function switchedHeaders(item: MiddlewareItem): readonly HeaderValue[] {
  const frame = textOf(item, 'headers.customFrameOptionsValue') || (boolOf(item, 'headers.frameDeny') ? 'DENY' : '');
  const xss = textOf(item, 'headers.customBrowserXSSValue') || (boolOf(item, 'headers.browserXssFilter') ? '1; mode=block' : '');
  const sniff = boolOf(item, 'headers.contentTypeNosniff') ? 'nosniff' : '';
  const headers = [
    { name: 'X-Frame-Options', value: frame },
    { name: 'X-XSS-Protection', value: xss },
    { name: 'X-Content-Type-Options', value: sniff },
  ];
  return headers.filter(({ value }) => value !== '');
}

function reportLosses(
  item: MiddlewareItem,
  { hasHsts, hasHosts }: { readonly hasHsts: boolean; readonly hasHosts: boolean },
  tell: Tell,
): void {
  const lost = [
    hasHosts && ([fieldOf(item, 'headers.hostsProxyHeaders'), 'allowedHosts looks at the Host header only'] as const),
    hasHsts && ([fieldsUnder(item, 'headers.sslProxyHeaders.*')[0], 'Strict-Transport-Security is sent on TLS requests only'] as const),
    [fieldOf(item, 'headers.publicKey'), 'browsers gave up Public-Key-Pins'] as const,
  ];
  for (const [field, what] of lost.filter((loss) => loss !== false))
    if (field) tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve ${field.path}: ${what}`, field.label.valueSpan);
}
