/** A Host header as Go's `net.SplitHostPort` cuts it, without the brackets of an IPv6 address; no port where it carries none. */
export function splitHost(host: string): { readonly name: string; readonly port?: string } {
  const bracketed = /^\[([^[\]]*)\](?::([^:]*))?$/.exec(host);
  const plain = bracketed ? null : /^([^:[\]]*):([^:]*)$/.exec(host);
  const [, name = host, port] = bracketed ?? plain ?? [];
  return { name, ...(port !== undefined && { port }) };
}

/** `host:port`, an IPv6 address in brackets, as Go's `net.JoinHostPort` writes it. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether Go's server takes a text as a Host header (golang/net:http/httpguts ValidHostHeader); it answers 400 to any other. */
export function isHostHeader(host: string): boolean {
  return /^[A-Za-z0-9!$%&()*+',.:;=[\]_~-]*$/.test(host);
}
