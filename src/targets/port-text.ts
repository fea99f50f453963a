/** The port of a URL as it stands behind the host: nothing where it is the usual one of its scheme, as in Traefik. */
export function portText(scheme: 'http' | 'https', port: number | undefined): string {
  return port === undefined || port === { http: 80, https: 443 }[scheme] ? '' : `:${port}`;
}

/** The ports in the Host header of a URL that has this one; `''`: none. */
export function portsOf(scheme: 'http' | 'https', port: number | undefined): readonly string[] {
  return portText(scheme, port) === '' ? ['', scheme === 'https' ? '443' : '80'] : [String(port)];
}
