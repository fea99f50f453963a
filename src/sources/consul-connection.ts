import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../lib/secret.ts';

/** How a Consul agent is reached; the token is asked for anew, because its file may change. */
export interface ConsulConnection {
  /** `http(s)://host:port/prefix`, without a final slash. */
  readonly origin: string;
  readonly socketPath?: string;
  /** The agent is on this machine. */
  readonly local: boolean;
  /** Consul Enterprise only: the community edition answers 400 to either. */
  readonly namespace?: string;
  readonly partition?: string;
  readonly tls: {
    readonly ca?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    readonly verify: boolean;
  };
  /** `user:password` for basic authentication. */
  readonly auth?: Secret;
  /** Read anew at each call. A file that is empty or away, as while it is replaced, still has its last token. */
  token(): Secret | undefined;
}

/** What the configuration says beside the environment. */
export interface ConsulOverrides {
  readonly address?: string | undefined;
  readonly tokenFile?: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The connection that the official variables describe (hashicorp/consul:api/api.go defaultConfig): CONSUL_HTTP_ADDR as host:port, URL
 * with or without a path prefix, or unix://path; CONSUL_HTTP_SSL and _SSL_VERIFY; the TLS files; CONSUL_NAMESPACE and _PARTITION. The
 * token is that of the file `tokenFile`, CONSUL_HTTP_TOKEN_FILE or CONSUL_TOKEN_FILE, where that is not empty, else CONSUL_TOKEN
 * (consul-template's) or CONSUL_HTTP_TOKEN. An empty variable is none. Throws `RangeError` where they contradict each other or a value
 * is none.
 */
export function consulConnection(env: Env, { address, tokenFile }: ConsulOverrides = {}): ConsulConnection {
  const target = address || env['CONSUL_HTTP_ADDR'] || '127.0.0.1:8500';
  const socketPath = /^unix:\/\/(.+)$/.exec(target)?.[1];
  const url = parseAddress(socketPath === undefined ? target : 'http://127.0.0.1', {
    // an explicit http:// does not undo it
    ssl: socketPath === undefined && goBool('CONSUL_HTTP_SSL', env) === true,
  });
  const [cert, key] = [pemOf('CONSUL_CLIENT_CERT', env), pemOf('CONSUL_CLIENT_KEY', env)];
  if (Boolean(cert) !== Boolean(key))
    throw new RangeError('Cannot use one of CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY alone: expected both or none');
  const ca = authorities(env);
  const auth = env['CONSUL_HTTP_AUTH'] || (url.username ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` : '');
  return {
    origin: `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`,
    ...(socketPath !== undefined && { socketPath }),
    local: socketPath !== undefined || /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname),
    ...(env['CONSUL_NAMESPACE'] && { namespace: env['CONSUL_NAMESPACE'] }),
    ...(env['CONSUL_PARTITION'] && { partition: env['CONSUL_PARTITION'] }),
    tls: {
      verify: goBool('CONSUL_HTTP_SSL_VERIFY', env) ?? true,
      ...(ca.length > 0 && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(env['CONSUL_TLS_SERVER_NAME'] && { serverName: env['CONSUL_TLS_SERVER_NAME'] }),
    },
    ...(auth && { auth: new Secret(auth) }),
    token: tokenReader(
      tokenFile || env['CONSUL_HTTP_TOKEN_FILE'] || env['CONSUL_TOKEN_FILE'],
      env['CONSUL_TOKEN'] || env['CONSUL_HTTP_TOKEN'],
    ),
  };
}

/** What a socket to the agent needs, as Node and undici name it. */
export function socketOptions({ socketPath, tls }: ConsulConnection): SocketOptions {
  return {
    ...(socketPath !== undefined && { socketPath }),
    rejectUnauthorized: tls.verify,
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
    ...(tls.ca && { ca: [...tls.ca] }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
}

interface SocketOptions {
  readonly socketPath?: string;
  readonly rejectUnauthorized: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

function parseAddress(target: string, { ssl }: { readonly ssl: boolean }): URL {
  const text = /^[a-z]+:\/\//i.test(target) ? target : `http://${target}`;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new RangeError(
      `Cannot use the Consul address: it is ${JSON.stringify(redacted(target))}, expected host:port, http(s)://host:port or unix://path`,
    );
  return new URL(ssl ? text.replace(/^http:/i, 'https:') : text);
}

/** An address without what may be a password. */
function redacted(address: string): string {
  return address.replace(/\/\/[^/]*@/, '//');
}

function tokenReader(file: string | undefined, otherwise: string | undefined): () => Secret | undefined {
  let last = '';
  return () => {
    last = (file && readText(file).trim()) || last;
    const token = last || otherwise;
    return token ? new Secret(token) : undefined;
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function authorities(env: Env): readonly string[] {
  const file = pemOf('CONSUL_CACERT', env);
  if (file !== undefined) return [file];
  const directory = env['CONSUL_CAPATH'];
  if (!directory) return [];
  return readable('CONSUL_CAPATH', directory, () => {
    const files = readdirSync(directory).map((name) => join(directory, name));
    return files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'utf8'));
  });
}

/** The text of the file that a variable names. */
function pemOf(name: string, env: Env): string | undefined {
  const path = env[name];
  return path ? readable(name, path, () => readFileSync(path, 'utf8')) : undefined;
}

function readable<T>(name: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new RangeError(`Cannot use ${name}: ${JSON.stringify(path)} cannot be read, expected PEM files`, { cause });
  }
}

/** A boolean as Go's strconv.ParseBool reads it; undefined where there is none. */
function goBool(name: string, env: Env): boolean | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new RangeError(`Cannot use ${name}: it is ${JSON.stringify(text)}, expected true or false`);
}
