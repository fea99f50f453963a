/** error = the route (or its part) is not served as asked; warning = served, but look; info = a default worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** What a code means. */
export interface CodeSpec {
  readonly severity: Severity;
  /** The route is withheld: it answers 503 instead of being served with less protection than asked. */
  readonly withholds?: true;
  /** Two sides want different things, and one of them lost: listed by `conflicts`. */
  readonly conflict?: true;
  /** One line for the documentation page. */
  readonly summary: string;
}

/** Every diagnostic the product can report. The documentation page is generated from this table. */
export const CODES = {
  TAG_CONTROL_CHARACTER: {
    severity: 'error',
    summary: 'A routing tag holds a control character; it is refused before any dialect reads it',
  },
  TAG_CONTROL_FOREIGN: { severity: 'warning', summary: 'A tag that routes nothing holds a control character; HinD freezes on it' },
  TAG_NOT_ASCII: { severity: 'error', summary: 'A routing tag holds characters outside ASCII' },
  TAG_LIMIT: { severity: 'error', summary: 'A tag is longer than 8 KiB, or an instance has more than 512 tags' },

  FABIO_ROUTE_EMPTY: { severity: 'error', summary: 'Nothing stands after the prefix; Fabio would stop updating its whole table' },
  FABIO_LEADING_BLANK: { severity: 'warning', summary: 'A blank before the prefix; Fabio may drop the service' },
  FABIO_ROUTE_SYNTAX: { severity: 'error', summary: 'Host or path holds characters that no route may carry' },
  FABIO_ROUTE_DEAD: { severity: 'warning', summary: 'Fabio never looks this up, as `:port/` or a path with `%`; nothing is rendered' },
  FABIO_HOST_GLOB: { severity: 'error', summary: 'The host glob does not compile' },
  FABIO_PATH_GLOB: { severity: 'error', summary: 'The path glob does not compile' },
  FABIO_GLOB_ORDER: { severity: 'warning', summary: '`{a,b}` outranks an exact host, as in Fabio' },
  FABIO_DOLLAR_LOST: { severity: 'warning', summary: '`$NAME` in host or path became empty, as in Fabio' },
  FABIO_DC_UNKNOWN: { severity: 'error', summary: '`$DC` is used but the instance has no datacenter' },
  FABIO_OPTION_UNKNOWN: { severity: 'warning', summary: 'Fabio knows no such option; it is ignored' },
  FABIO_OPTION_CONTROL: { severity: 'warning', summary: 'A tab or line break stands between options; Fabio reads it as a blank' },
  FABIO_OPTION_DUPLICATE: { severity: 'warning', summary: 'An option is given twice; the last one counts' },
  FABIO_OPTION_EXTENSION: { severity: 'info', summary: 'An extension that Fabio ignores' },
  FABIO_EXTENSION_VALUE: { severity: 'warning', summary: 'An extension has an unknown value; the default is used' },
  FABIO_OPTION_VALUE: { severity: 'error', summary: 'The value of an option cannot be used' },
  FABIO_PROTO_UNKNOWN: { severity: 'warning', summary: 'Not a protocol that a tag can set; the upstream stays http' },
  FABIO_WEIGHT_NOT_NUMBER: { severity: 'error', summary: 'The weight is not a finite number; Fabio would stop updating its whole table' },
  FABIO_WEIGHT_STARVES: { severity: 'warning', summary: 'Fixed weights leave an instance without any share' },
  FABIO_NAME_BLANK: { severity: 'warning', summary: "The service's name holds a blank; Fabio would stop updating its whole table" },
  FABIO_STRIP_OUTSIDE_PATH: {
    severity: 'warning',
    summary:
      "`strip` is no prefix of the route's path; it acts only where it fits, as in Fabio. An error that withholds a route with `auth`, `allow` or `deny`",
  },
  FABIO_GRPC_PATH: { severity: 'error', summary: '`strip` or `prepend` beside `proto=grpc`; Fabio ignores them for gRPC' },
  FABIO_REDIRECT_FORM: { severity: 'error', summary: '`redirect` is not CODE,URL' },
  FABIO_REDIRECT_CODE: { severity: 'error', summary: '`redirect` has a status outside 300–399; Fabio would proxy to the URL' },
  FABIO_REDIRECT_PROTO: {
    severity: 'error',
    summary: '`proto` behind `redirect`, or `redirect` on a TCP route; Fabio would redirect to the instance, or connect to the URL',
  },
  FABIO_ACL_SYNTAX: { severity: 'error', withholds: true, summary: 'An access list that cannot be read; Fabio would leave the route open' },
  FABIO_ACL_ITEM: { severity: 'warning', summary: 'An item of `allow` cannot be read; it lets nobody in, nor does what follows' },
  FABIO_ACL_BOTH: { severity: 'error', withholds: true, summary: '`allow` and `deny` together; Fabio would leave the route open' },
  FABIO_AUTH_UNKNOWN: { severity: 'error', withholds: true, summary: '`auth` names no known scheme' },
  FABIO_PROTECTION_UNSERVED: { severity: 'error', withholds: true, summary: '`auth` on a TCP route cannot be enforced' },
  FABIO_OPTION_QUOTE: { severity: 'error', summary: 'A double quote in this tag; Fabio would stop updating its whole table' },
  FABIO_QUOTE_FREEZES: { severity: 'warning', summary: "A double quote in another tag of the service; Fabio's table would stop" },
  FABIO_REGISTER_IGNORED: { severity: 'warning', summary: '`register` has no counterpart' },
  FABIO_UNSUPPORTED: { severity: 'error', summary: 'No Fabio tag can say this; the message says what is left out' },
  FABIO_APPROXIMATED: { severity: 'warning', summary: 'A Fabio tag says this differently; the message says how' },

  HIND_LEADING_BLANK: { severity: 'warning', summary: 'A blank before `https://`; HinD ignores the tag' },
  HIND_ADDRESS_SYNTAX: { severity: 'error', summary: 'The address holds a comma, brace, quote, bad host, path or port' },
  HIND_SEVERAL_ADDRESSES: { severity: 'warning', summary: 'One tag holds several addresses, or a comment; each address is a route' },
  HIND_HTTP_IGNORED: { severity: 'info', summary: 'An `http://` tag is ignored, as in HinD' },
  HIND_PATH_EXACT: { severity: 'info', summary: 'The path matches exactly, as in HinD' },
  HIND_UNSUPPORTED: { severity: 'error', summary: 'No HinD tag can say this; the message says what is left out' },
  HIND_APPROXIMATED: { severity: 'warning', summary: 'A HinD tag says this differently; the message says how' },

  TRAEFIK_LABEL_UNKNOWN: {
    severity: 'warning',
    summary: 'No such label; served without it. An error that withholds the route where it may have been meant to protect',
  },
  TRAEFIK_LABEL_INERT: { severity: 'warning', summary: 'Traefik accepts the label and does nothing, and so do we' },
  TRAEFIK_LABEL_BLANK: { severity: 'warning', summary: 'A blank in the key; Traefik with Consul would ignore the whole instance' },
  TRAEFIK_LABEL_UNSERVED: {
    severity: 'error',
    summary: 'The label is known but not served yet; the message says what happens to its route',
  },
  TRAEFIK_PROTECTION_UNSERVED: { severity: 'error', withholds: true, summary: 'A protecting label or middleware cannot be enforced' },
  TRAEFIK_ENABLE_SPELLING: { severity: 'warning', summary: 'Only `traefik.enable=true` enables' },
  TRAEFIK_NAME_SHARED: {
    severity: 'warning',
    conflict: true,
    summary: 'One name of a router, service or middleware in two services with different content; each keeps its own',
  },
  TRAEFIK_NAME_TWICE: { severity: 'error', conflict: true, summary: 'The same label twice with different values; its router is refused' },
  TRAEFIK_LABEL_VALUE: { severity: 'error', summary: 'A label has a value of the wrong type' },
  TRAEFIK_LABEL_FILE_ONLY: { severity: 'warning', summary: 'Traefik reads this only from files' },
  TRAEFIK_NAME_CASE: { severity: 'warning', summary: 'A name is declared in another case; Traefik would not find it' },
  TRAEFIK_NAME_SYNTAX: { severity: 'error', summary: 'A name holds `@` or a dot' },
  TRAEFIK_RULE_SYNTAX: { severity: 'error', summary: 'The rule cannot be read' },
  TRAEFIK_RULE_V2: { severity: 'error', summary: 'The rule is written for Traefik 2 or 1' },
  TRAEFIK_RULE_NEVER: { severity: 'warning', summary: 'The rule can never match' },
  TRAEFIK_RULE_UNSERVED: { severity: 'error', summary: 'The rule uses a matcher that is not served yet' },
  TRAEFIK_REGEX_REFUSED: { severity: 'error', summary: 'A regular expression outside the safe subset' },
  TRAEFIK_RULE_DEFAULT: { severity: 'info', summary: 'No rule is given; the default rule is used' },
  TRAEFIK_NOT_ENABLED: { severity: 'info', summary: 'Labels without `traefik.enable=true`' },
  TRAEFIK_SERVICE_AMBIGUOUS: { severity: 'error', summary: 'The router names none of several services' },
  TRAEFIK_REFERENCE_UNKNOWN: { severity: 'error', withholds: true, summary: 'A middleware, service or transport is not found' },
  TRAEFIK_ENTRYPOINT_UNKNOWN: { severity: 'error', summary: 'The entry point is not configured' },
  TRAEFIK_SERVER_PORT: { severity: 'warning', summary: '`server.port` replaces the registered port' },
  TRAEFIK_SERVER_URL: { severity: 'error', summary: '`server.url` is refused: a tag may not name any address' },
  TRAEFIK_ROUTER_SHADOWED: {
    severity: 'warning',
    conflict: true,
    summary: 'A router of the same match and a higher priority answers its requests',
  },
  TRAEFIK_PRIORITY_CLAMPED: { severity: 'info', summary: "The priority counts within its owner's host only" },
  TRAEFIK_CERTIFICATE_RESOLVER: { severity: 'info', summary: 'The certificate resolver is not used: the configured certificates are' },
  TRAEFIK_FEATURE_REFUSED: { severity: 'error', withholds: true, summary: 'Labels may not define this: it names files or addresses' },
  TRAEFIK_HEADER_REFUSED: { severity: 'error', summary: 'A header that tags may not set' },

  ROUTE_CONFLICT_OWNER: { severity: 'error', conflict: true, summary: 'Another owner holds this route' },
  ROUTE_HOST_RESERVED: { severity: 'error', conflict: true, summary: 'The host is reserved by the operator' },
  ROUTE_HOST_NOT_GRANTED: { severity: 'error', conflict: true, summary: '`ownership.mode: allowList` grants this host to others only' },
  ROUTE_TARGET_REFUSED: { severity: 'error', summary: 'The redirect or `host=` target is not allowed' },
  ROUTE_ADDRESS_REFUSED: { severity: 'error', summary: 'The instance has an address that must not be routed to' },
  ROUTE_LIMIT: { severity: 'error', summary: "The owner's or service's limit is exceeded" },
  ROUTE_DIALECTS_DIFFER: {
    severity: 'warning',
    conflict: true,
    summary: 'Two dialects ask the same route in different ways; the first accepted dialect wins',
  },
  ROUTE_OPTIONS_DIFFER: { severity: 'warning', conflict: true, summary: 'Instances disagree on the options of a route; the majority wins' },
  ROUTE_DUPLICATE: {
    severity: 'warning',
    conflict: true,
    summary: 'One instance asks the same route twice in one dialect; the first tag wins',
  },
  ROUTE_POOLED: { severity: 'info', summary: 'Several services share one route and one pool' },
  ROUTE_QUARANTINED: { severity: 'warning', summary: 'The route cannot be read; its last good form is served' },
  ROUTE_WITHHELD: { severity: 'error', withholds: true, summary: 'The route answers 503 until its tag is repaired' },
  ROUTE_UNHEALTHY: { severity: 'warning', summary: 'No healthy instance; the route answers 503' },
  ROUTE_TOMBSTONE: { severity: 'info', summary: 'The service went; the route answers 503 for a while' },
  ROUTE_ENTRYPOINT_MISSING: { severity: 'warning', summary: 'No entry point fits; the route is not rendered' },
  ROUTE_ENTRYPOINT_KIND: { severity: 'error', summary: 'The entry point is of another kind (tcp, http, tls)' },
  ROUTE_TLS_CONFLICT: {
    severity: 'error',
    conflict: true,
    withholds: true,
    summary: 'A host can end TLS in one way only; its other routes ask for another',
  },
  ROUTE_TLS_OFF: { severity: 'error', summary: 'The route needs TLS, and `tls.mode` is off' },

  CADDY_UNSUPPORTED: { severity: 'error', summary: 'Caddy cannot do this; the route is not rendered, or answers 503 where it protects' },
  CADDY_APPROXIMATED: { severity: 'warning', summary: 'Caddy does this differently; the message says how' },
  CADDY_MIXED_SCHEMES: { severity: 'error', conflict: true, summary: 'http and https instances in one pool; the minority is left out' },
  CADDY_CERTIFICATE_UNCOVERED: { severity: 'warning', summary: 'No certificate of the proxy covers this host pattern' },
  TRAEFIK_UNSUPPORTED: {
    severity: 'error',
    summary: 'Traefik cannot do this; the route is not rendered, or answers 503 where it protects',
  },
  TRAEFIK_APPROXIMATED: { severity: 'warning', summary: 'Traefik does this differently; the message says how' },
  TRAEFIK_REDIRECT_STATUS: { severity: 'warning', summary: 'Traefik answers with another redirect status than asked' },
} as const;
CODES satisfies Record<string, CodeSpec>;
/** The name of a diagnostic: a key of `CODES`. */
export type DiagnosticCode = keyof typeof CODES;

/** Whether a code tells of two sides that want different things. */
export function tellsOfConflict(code: DiagnosticCode): boolean {
  const spec: CodeSpec = CODES[code];
  return spec.conflict === true;
}
