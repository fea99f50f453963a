/** error = the route (or its part) is not served as asked; warning = served, but look; info = a default worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** What a code means. An error or a warning always says what to do. */
export type CodeSpec = CodeMeaning &
  ({ readonly severity: 'info'; readonly hint?: string } | { readonly severity: Exclude<Severity, 'info'>; readonly hint: string });

interface CodeMeaning {
  /** The route is withheld: it answers 503 instead of being served with less protection than asked. */
  readonly withholds?: true;
  /** Two sides want different things, and one of them lost: listed by `conflicts`. */
  readonly conflict?: true;
  /** One line for the documentation page. */
  readonly summary: string;
  /** What to do about it, where the place that reports it knows nothing better. */
  readonly hint?: string;
}

/** Every diagnostic the product can report. The documentation page is generated from this table. */
export const CODES = {
  TAG_CONTROL_CHARACTER: {
    severity: 'error',
    summary: 'A routing tag holds a control character; it is refused before any dialect reads it',
    hint: 'Register the tag without tabs and line breaks',
  },
  TAG_CONTROL_FOREIGN: {
    severity: 'warning',
    summary: 'A tag that routes nothing holds a control character; HinD freezes on it',
    hint: 'Register the tag without tabs and line breaks',
  },
  TAG_NOT_ASCII: {
    severity: 'error',
    summary: 'A routing tag holds characters outside ASCII',
    hint: 'Write hosts in their xn-- form and paths with %XX',
  },
  TAG_LIMIT: {
    severity: 'error',
    summary: 'A tag is longer than 8 KiB, or an instance has more than 512 tags',
    hint: 'Register the rest as another service',
  },
  TAG_MISSPELT: {
    severity: 'warning',
    summary: 'The tag begins almost like a routing tag, and is none',
    hint: 'Correct its beginning, if it should route',
  },

  FABIO_ROUTE_EMPTY: {
    severity: 'error',
    summary: 'Nothing stands after the prefix; Fabio would stop updating its whole table',
    hint: 'Write a host, a path or both, as urlprefix-HOST/PATH',
  },
  FABIO_LEADING_BLANK: { severity: 'warning', summary: 'A blank before the prefix; Fabio may drop the service', hint: 'Remove the blank' },
  FABIO_ROUTE_SYNTAX: {
    severity: 'error',
    summary: 'Host or path holds characters that no route may carry',
    hint: 'Correct the route; a template or variable must be filled in before the tag is registered',
  },
  FABIO_ROUTE_DEAD: {
    severity: 'warning',
    summary: 'Fabio never looks this up, as `:port/` or a path with `%`; nothing is rendered',
    hint: 'Write HOST/PATH for requests, or `:PORT proto=tcp` for connections',
  },
  FABIO_HOST_GLOB: {
    severity: 'error',
    summary: 'The host glob does not compile',
    hint: 'Close every bracket; a template must be filled in before the tag is registered',
  },
  FABIO_PATH_GLOB: {
    severity: 'error',
    summary: 'The path glob does not compile',
    hint: 'Close every bracket; a template must be filled in before the tag is registered',
  },
  FABIO_GLOB_ORDER: {
    severity: 'warning',
    summary: '`{a,b}` outranks an exact host, as in Fabio',
    hint: 'Write a tag for each host where exact hosts are to come first',
  },
  FABIO_DOLLAR_LOST: {
    severity: 'warning',
    summary: '`$NAME` in host or path became empty, as in Fabio',
    hint: 'Fill in the variable before the tag is registered',
  },
  FABIO_CHECK_MISSING: {
    severity: 'warning',
    summary: 'The instance has no check; as with Fabio, none of its Fabio tags gives a route',
    hint: 'Register a check with the service, or have the operator set `dialects.fabio.requireChecks: false`',
  },
  FABIO_DC_UNKNOWN: {
    severity: 'error',
    summary: '`$DC` is used but the instance has no datacenter',
    hint: 'Write the name of the datacenter',
  },
  FABIO_OPTION_UNKNOWN: {
    severity: 'warning',
    summary: 'Fabio knows no such option; it is ignored',
    hint: 'Remove the option, or correct it',
  },
  FABIO_OPTION_NO_EFFECT: {
    severity: 'warning',
    summary: 'The option has no value that does anything, in Fabio as here',
    hint: 'Give it a value, or remove it',
  },
  FABIO_OPTION_CONTROL: {
    severity: 'warning',
    summary: 'A tab or line break stands between options; Fabio reads it as a blank',
    hint: 'Write a blank',
  },
  FABIO_OPTION_DUPLICATE: { severity: 'warning', summary: 'An option is given twice; the last one counts', hint: 'Keep one of them' },
  FABIO_OPTION_EXTENSION: { severity: 'info', summary: 'An extension that Fabio ignores' },
  FABIO_EXTENSION_VALUE: {
    severity: 'warning',
    summary: 'An extension has an unknown value; the default is used',
    hint: 'Write a value that is expected, or remove the option',
  },
  FABIO_OPTION_VALUE: { severity: 'error', summary: 'The value of an option cannot be used', hint: 'Correct the value' },
  FABIO_PROTO_UNKNOWN: {
    severity: 'warning',
    summary: 'Not a protocol that a tag can set; the upstream stays http',
    hint: 'Write proto=https, grpc, grpcs or tcp, or remove the option',
  },
  FABIO_WEIGHT_NOT_NUMBER: {
    severity: 'error',
    summary: 'The weight is not a finite number; Fabio would stop updating its whole table',
    hint: 'Write a number, as weight=0.5',
  },
  FABIO_WEIGHT_STARVES: {
    severity: 'warning',
    summary: 'Fixed weights leave an instance without any share',
    hint: 'Give every instance a weight, or none',
  },
  FABIO_NAME_BLANK: {
    severity: 'warning',
    summary: "The service's name holds a blank; Fabio would stop updating its whole table",
    hint: 'Register the service under a name without blanks',
  },
  FABIO_STRIP_OUTSIDE_PATH: {
    severity: 'warning',
    summary:
      "`strip` is no prefix of the route's path; it acts only where it fits, as in Fabio. An error that withholds a route with `auth`, `allow` or `deny`",
    hint: 'Write a prefix that the path of the route begins with',
  },
  FABIO_GRPC_PATH: {
    severity: 'error',
    summary: '`strip` or `prepend` beside `proto=grpc`; Fabio ignores them for gRPC',
    hint: 'Remove strip and prepend',
  },
  FABIO_REDIRECT_FORM: {
    severity: 'error',
    summary: '`redirect` is not CODE,URL',
    hint: 'Write redirect=CODE,URL, as redirect=301,https://HOST$path',
  },
  FABIO_REDIRECT_CODE: {
    severity: 'error',
    summary: '`redirect` has a status outside 300–399; Fabio would proxy to the URL',
    hint: 'Write a status from 300 to 399',
  },
  FABIO_REDIRECT_PROTO: {
    severity: 'error',
    summary: '`proto` behind `redirect`, or `redirect` on a TCP route; Fabio would redirect to the instance, or connect to the URL',
    hint: 'Keep either redirect or proto',
  },
  FABIO_ACL_SYNTAX: {
    severity: 'error',
    withholds: true,
    summary: 'An access list that cannot be read; Fabio would leave the route open',
    hint: 'Write ip: before each address or block, as allow=ip:10.0.0.0/8,ip:192.0.2.1',
  },
  FABIO_ACL_ITEM: {
    severity: 'warning',
    summary: 'An item of `allow` cannot be read; it lets nobody in, nor does what follows',
    hint: 'Write ip: before each address or block, as allow=ip:10.0.0.0/8,ip:192.0.2.1',
  },
  FABIO_ACL_BOTH: {
    severity: 'error',
    withholds: true,
    summary: '`allow` and `deny` together; Fabio would leave the route open',
    hint: 'Keep either allow or deny',
  },
  FABIO_AUTH_UNKNOWN: {
    severity: 'error',
    withholds: true,
    summary: '`auth` names no known scheme',
    hint: 'Configure a policy of that name under `policies`, or name one that is there',
  },
  FABIO_PROTECTION_UNSERVED: {
    severity: 'error',
    withholds: true,
    summary: '`auth` on a TCP route cannot be enforced',
    hint: 'Say allow or deny on a TCP route',
  },
  FABIO_OPTION_QUOTE: {
    severity: 'error',
    summary: 'A double quote in this tag; Fabio would stop updating its whole table',
    hint: 'Remove the quote',
  },
  FABIO_QUOTE_FREEZES: {
    severity: 'warning',
    summary: "A double quote in another tag of the service; Fabio's table would stop",
    hint: 'Write backticks in the place of quotes',
  },
  FABIO_REGISTER_IGNORED: {
    severity: 'warning',
    summary: '`register` has no counterpart',
    hint: 'Remove the option where no Fabio reads the tag',
  },
  FABIO_UNSUPPORTED: {
    severity: 'error',
    summary: 'No Fabio tag can say this; the message says what is left out',
    hint: 'Write it by hand, or leave the tag as it is: hind-proxy reads all dialects',
  },
  FABIO_APPROXIMATED: {
    severity: 'warning',
    summary: 'A Fabio tag says this differently; the message says how',
    hint: 'Look whether clients rely on it',
  },

  HIND_LEADING_BLANK: { severity: 'warning', summary: 'A blank before `https://`; HinD ignores the tag', hint: 'Remove the blank' },
  HIND_ADDRESS_SYNTAX: {
    severity: 'error',
    summary: 'The address holds a comma, brace, quote, bad host, path or port',
    hint: 'Write https://HOST[:PORT][/PATH]; a template or variable must be filled in before the tag is registered',
  },
  HIND_SEVERAL_ADDRESSES: {
    severity: 'warning',
    summary: 'One tag holds several addresses, or a comment; each address is a route',
    hint: 'Give each address its own tag',
  },
  HIND_HTTP_IGNORED: {
    severity: 'info',
    summary: 'An `http://` tag is ignored, as in HinD',
    hint: 'Write https://HOST, or urlprefix-HOST:80/ for plain http',
  },
  HIND_PATH_EXACT: { severity: 'info', summary: 'The path matches exactly, as in HinD' },
  HIND_UNSUPPORTED: {
    severity: 'error',
    summary: 'No HinD tag can say this; the message says what is left out',
    hint: 'Write it by hand, or leave the tag as it is: hind-proxy reads all dialects',
  },
  HIND_APPROXIMATED: {
    severity: 'warning',
    summary: 'A HinD tag says this differently; the message says how',
    hint: 'Look whether clients rely on it',
  },

  TRAEFIK_LABEL_UNKNOWN: {
    severity: 'warning',
    summary: 'No such label; served without it. An error that withholds the route where it may have been meant to protect',
    hint: 'Remove the label, or look it up in the list of labels; a template or variable must be filled in before the tag is registered',
  },
  TRAEFIK_LABEL_INERT: {
    severity: 'warning',
    summary: 'Traefik accepts the label and does nothing, and so do we',
    hint: 'Remove the label',
  },
  TRAEFIK_LABEL_BLANK: {
    severity: 'warning',
    summary: 'A blank in the key; Traefik with Consul would ignore the whole instance',
    hint: 'Remove the blank',
  },
  TRAEFIK_LABEL_UNSERVED: {
    severity: 'error',
    summary: 'The label is known but not served yet; the message says what happens to its route',
    hint: 'Leave it out, or have the operator configure a policy and write NAME@file',
  },
  TRAEFIK_PROTECTION_UNSERVED: {
    severity: 'error',
    withholds: true,
    summary: 'A protecting label or middleware cannot be enforced',
    hint: 'Have the operator configure a policy, and write NAME@file',
  },
  TRAEFIK_ENABLE_SPELLING: { severity: 'warning', summary: 'Only `traefik.enable=true` enables', hint: 'Write traefik.enable=true' },
  TRAEFIK_NAME_SHARED: {
    severity: 'warning',
    conflict: true,
    summary: 'One name of a router, service or middleware in two services with different content; each keeps its own',
    hint: 'Give each of them a name of its own',
  },
  TRAEFIK_NAME_UNHEALTHY: {
    severity: 'warning',
    summary: 'Only unhealthy instances declare the middleware or router; Traefik would not find it',
    hint: 'Declare it with an instance that is healthy: a middleware best with the one that uses it, a router with the one that it leads to',
  },
  TRAEFIK_NAME_TWICE: {
    severity: 'error',
    conflict: true,
    summary: 'The same label twice with different values; its router is refused',
    hint: 'Keep one of the labels',
  },
  TRAEFIK_LABEL_VALUE: {
    severity: 'error',
    summary: 'A label has a value of the wrong type',
    hint: 'Write what is expected, or remove the label',
  },
  TRAEFIK_LABEL_FILE_ONLY: { severity: 'warning', summary: 'Traefik reads this only from files', hint: 'Have the operator configure it' },
  TRAEFIK_NAME_CASE: {
    severity: 'warning',
    summary: 'A name is declared in another case; Traefik would not find it',
    hint: 'Write the name as it is declared',
  },
  TRAEFIK_NAME_SYNTAX: {
    severity: 'error',
    summary: 'A name holds `@` or a dot',
    hint: 'Write a name of letters, digits and hyphens; a template must be filled in before the tag is registered',
  },
  TRAEFIK_RULE_SYNTAX: {
    severity: 'error',
    summary: 'The rule cannot be read',
    hint: 'Write a rule as Host(`app.example.com`) && PathPrefix(`/api`); a template must be filled in before the tag is registered',
  },
  TRAEFIK_RULE_V2: { severity: 'error', summary: 'The rule is written for Traefik 2 or 1', hint: 'Write the rule for Traefik 3' },
  TRAEFIK_RULE_NEVER: { severity: 'warning', summary: 'The rule can never match', hint: 'Correct the rule, or remove the router' },
  TRAEFIK_RULE_UNSERVED: {
    severity: 'error',
    summary: 'The rule uses a matcher that is not served yet',
    hint: 'Write the rule without it',
  },
  TRAEFIK_REGEX_REFUSED: {
    severity: 'error',
    summary: 'A regular expression outside the safe subset',
    hint: 'Write a simpler expression: no repetition within a repetition, no large counts',
  },
  TRAEFIK_RULE_DEFAULT: {
    severity: 'info',
    summary: 'No rule is given; the default rule is used',
    hint: 'Write http.routers.NAME.rule where another host is meant',
  },
  TRAEFIK_NOT_ENABLED: {
    severity: 'info',
    summary: 'Labels without `traefik.enable=true`',
    hint: 'Write traefik.enable=true, or set dialects.traefik.exposedByDefault',
  },
  TRAEFIK_SERVICE_AMBIGUOUS: {
    severity: 'error',
    summary: 'The router names none of several services',
    hint: 'Write http.routers.NAME.service',
  },
  TRAEFIK_REFERENCE_UNKNOWN: {
    severity: 'error',
    withholds: true,
    summary: 'A middleware, service or transport is not found',
    hint: 'Declare it, or correct the name',
  },
  TRAEFIK_ENTRYPOINT_UNKNOWN: {
    severity: 'error',
    summary: 'The entry point is not configured',
    hint: 'Name an entry point that is expected, or configure it under `proxies[].entrypoints`',
  },
  TRAEFIK_SERVER_PORT: {
    severity: 'warning',
    summary: '`server.port` replaces the registered port',
    hint: 'Remove the label where the registered port is meant',
  },
  TRAEFIK_SERVER_URL: {
    severity: 'error',
    summary: '`server.url` is refused: a tag may not name any address',
    hint: 'Register the address as an instance',
  },
  TRAEFIK_ROUTER_SHADOWED: {
    severity: 'warning',
    conflict: true,
    summary: 'A router of the same match and a higher priority answers its requests',
    hint: 'Give the routers different rules, or one priority',
  },
  TRAEFIK_ROUTER_PARTIAL: {
    severity: 'warning',
    summary: 'Only some instances of a service ask for the router; Traefik would send its requests to all of them',
    hint: 'Register all instances with the same tags',
  },
  TRAEFIK_PRIORITY_CLAMPED: { severity: 'info', summary: "The priority counts within its owner's host only" },
  TRAEFIK_CERTIFICATE_RESOLVER: { severity: 'info', summary: 'The certificate resolver is not used: the configured certificates are' },
  TRAEFIK_FEATURE_REFUSED: {
    severity: 'error',
    withholds: true,
    summary: 'Labels may not define this: it names files or addresses',
    hint: 'Have the operator configure a policy, and write NAME@file',
  },
  TRAEFIK_HEADER_REFUSED: { severity: 'error', summary: 'A header that tags may not set', hint: 'Have the operator configure it' },

  ROUTE_CONFLICT_OWNER: {
    severity: 'error',
    conflict: true,
    summary: 'Another owner holds this route',
    hint: 'Choose another host or path, or have the operator grant it under `ownership.allow`',
  },
  ROUTE_HOST_RESERVED: { severity: 'error', conflict: true, summary: 'The host is reserved by the operator', hint: 'Choose another host' },
  ROUTE_HOST_NOT_GRANTED: {
    severity: 'error',
    conflict: true,
    summary: '`ownership.mode: allowList` grants this host to others only',
    hint: 'Choose another host, or have the operator grant it under `ownership.allow`',
  },
  ROUTE_TARGET_REFUSED: {
    severity: 'error',
    summary: 'The redirect or `host=` target is not allowed',
    hint: 'Name a host of your own, or have the operator list it under `redirectHosts`',
  },
  ROUTE_ADDRESS_REFUSED: {
    severity: 'error',
    summary: 'The instance has an address that must not be routed to',
    hint: 'Register another address, or have the operator list it under `backends.allow`',
  },
  ROUTE_CHECK_REFUSED: {
    severity: 'error',
    summary: 'The health check names a port that must not be asked',
    hint: 'Leave the port out: each instance is checked at its own',
  },
  ROUTE_LIMIT: {
    severity: 'error',
    summary: "The owner's or service's limit is exceeded",
    hint: 'Ask for fewer, or have the operator raise `limits`',
  },
  ROUTE_DIALECTS_DIFFER: {
    severity: 'warning',
    conflict: true,
    summary: 'Two dialects ask the same route in different ways; the first accepted dialect wins',
    hint: 'Keep one of the tags, or let them ask for the same',
  },
  ROUTE_OPTIONS_DIFFER: {
    severity: 'warning',
    conflict: true,
    summary: 'Instances disagree on the options of a route; the majority wins',
    hint: 'Register all instances with the same tags',
  },
  ROUTE_DUPLICATE: {
    severity: 'warning',
    conflict: true,
    summary: 'One instance asks the same route twice in one dialect; the first tag wins',
    hint: 'Keep one of the tags',
  },
  ROUTE_BELOW_OTHERS: {
    severity: 'info',
    summary: 'A pattern or a route for every host comes behind what other owners have by name, whatever its dialect or priority says',
  },
  ROUTE_POOLED: { severity: 'info', summary: 'Several services share one route and one pool' },
  ROUTE_QUARANTINED: {
    severity: 'warning',
    summary: 'The route cannot be read; its last good form is served',
    hint: 'Repair the tag that is reported',
  },
  ROUTE_WITHHELD: {
    severity: 'error',
    withholds: true,
    summary: 'The route answers 503 until its tag is repaired',
    hint: 'Repair the tag that is reported',
  },
  ROUTE_UNHEALTHY: {
    severity: 'warning',
    summary: 'No healthy instance; the route answers 503',
    hint: 'Look at the checks of the service',
  },
  ROUTE_ENTRYPOINT_MISSING: {
    severity: 'warning',
    summary: 'No entry point fits; the route is not rendered',
    hint: 'Configure one under `proxies[].entrypoints`',
  },
  ROUTE_ENTRYPOINT_KIND: {
    severity: 'error',
    summary: 'The entry point is of another kind (tcp, http, tls)',
    hint: 'Name an entry point of that kind, or configure one under `proxies[].entrypoints`; a label tls=true makes a router one for TLS',
  },
  ROUTE_TLS_CONFLICT: {
    severity: 'error',
    conflict: true,
    withholds: true,
    summary: 'A host can end TLS in one way only; its other routes ask for another',
    hint: 'Let all routes of the host ask for one way',
  },
  ROUTE_TLS_OFF: {
    severity: 'error',
    summary: 'The route needs TLS, and `tls.mode` is off',
    hint: 'Set `tls.mode`, or ask for plain http',
  },

  CADDY_UNSUPPORTED: {
    severity: 'error',
    summary: 'Caddy cannot do this; the route is not rendered, or answers 503 where it protects',
    hint: 'Write the tag without it, or use Traefik',
  },
  CADDY_APPROXIMATED: {
    severity: 'warning',
    summary: 'Caddy does this differently; the message says how',
    hint: 'Look whether clients rely on it',
  },
  CADDY_MIXED_SCHEMES: {
    severity: 'error',
    conflict: true,
    summary: 'http and https instances in one pool; the minority is left out',
    hint: 'Register all instances with one scheme',
  },
  TRAEFIK_UNSUPPORTED: {
    severity: 'error',
    summary: 'Traefik cannot do this; the route is not rendered, or answers 503 where it protects',
    hint: 'Write the tag without it, or use Caddy',
  },
  TRAEFIK_APPROXIMATED: {
    severity: 'warning',
    summary: 'Traefik does this differently; the message says how',
    hint: 'Look whether clients rely on it',
  },
  TRAEFIK_REDIRECT_STATUS: {
    severity: 'warning',
    summary: 'Traefik answers with another redirect status than asked',
    hint: 'Look whether clients rely on it',
  },

  FILE_SYNTAX: {
    severity: 'error',
    summary: 'The file cannot be read; nothing of it is changed',
    hint: 'Correct the file, or convert its tags by hand',
  },
  FILE_UNREADABLE: {
    severity: 'error',
    summary: 'The file or directory cannot be opened; nothing of it is looked at',
    hint: 'Let this user read it, or give paths without it',
  },
  FILE_LINK: {
    severity: 'warning',
    summary: 'A link leads to nothing, or out of the paths that were given; it is not followed',
    hint: 'Give the path that it leads to beside the others, or remove the link',
  },
  FILE_EXPRESSION: {
    severity: 'warning',
    summary: 'An expression makes the tags, or they stand in no list of tags of a service; they are left as they are',
    hint: 'Convert the tags by hand: hind-proxy convert',
  },
  FILE_INTERPOLATION: {
    severity: 'warning',
    summary: 'A value that is filled in later keeps the tag from being converted',
    hint: 'Convert the tag by hand, or write the value into it',
  },
  FILE_HOST_GUESSED: {
    severity: 'warning',
    summary: 'A host that is filled in later is taken as one exact host; what it is, and so its rank among others, is not known',
    hint: 'Look at the values: where one is a pattern, as `*.example.com`, convert the tag by hand',
  },
} as const;
CODES satisfies Record<string, CodeSpec>;
/** The name of a diagnostic: a key of `CODES`. */
export type DiagnosticCode = keyof typeof CODES;

/** Whether a code tells of two sides that want different things. */
export function tellsOfConflict(code: DiagnosticCode): boolean {
  const spec: CodeSpec = CODES[code];
  return spec.conflict === true;
}
