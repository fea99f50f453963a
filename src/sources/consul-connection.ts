import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { Secret } from '../lib/secret.ts';

/** How a Consul agent is reached; the token is asked for anew, because its file may change. */
export interface ConsulConnection {
  /** `http(s)://host:port/prefix`, without a final slash. */
  readonly origin: string;
  readonly socketPath?: string;
  /** The agent is on this machine. */
  readonly local: boolean;
  readonly tls: {
    readonly ca?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    readonly verify: boolean;
  };
  /** `user:password` for basic authentication. */
  readonly auth?: Secret;
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
 * or unix://path, CONSUL_HTTP_SSL, CONSUL_HTTP_TOKEN or the file of CONSUL_HTTP_TOKEN_FILE, which wins when it is not empty, and the
 * TLS files. Throws `RangeError` where they contradict each other.
 */
export function consulConnection(env: Env, { address, tokenFile }: ConsulOverrides = {}): ConsulConnection {
  const target = address ?? env['CONSUL_HTTP_ADDR'] ?? '127.0.0.1:8500';
  const socketPath = /^unix:\/\/(.+)$/.exec(target)?.[1];
  const ssl = goBool(env['CONSUL_HTTP_SSL']) ?? false;
  const url = new URL(socketPath === undefined ? withScheme(target, ssl) : 'http://127.0.0.1');
  // an explicit http:// does not undo CONSUL_HTTP_SSL=true
  if (ssl && socketPath === undefined) url.protocol = 'https:';
  const files = { cert: env['CONSUL_CLIENT_CERT'], key: env['CONSUL_CLIENT_KEY'] };
  if (Boolean(files.cert) !== Boolean(files.key))
    throw new RangeError('Cannot use one of CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY alone: expected both or none');
  const ca = authorities(env);
  const auth = env['CONSUL_HTTP_AUTH'] ?? (url.username ? `${url.username}:${url.password}` : undefined);
  const serverName = env['CONSUL_TLS_SERVER_NAME'];
  return {
    origin: `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`,
    ...(socketPath !== undefined && { socketPath }),
    local: socketPath !== undefined || /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname),
    tls: {
      verify: goBool(env['CONSUL_HTTP_SSL_VERIFY']) ?? true,
      ...(ca.length > 0 && { ca }),
      ...(files.cert !== undefined && { cert: readFileSync(files.cert, 'utf8') }),
      ...(files.key !== undefined && { key: readFileSync(files.key, 'utf8') }),
      ...(serverName !== undefined && { serverName }),
    },
    ...(auth !== undefined && { auth: new Secret(auth) }),
    token: () => readToken(env, tokenFile),
  };
}

function readToken(env: Env, tokenFile: string | undefined): Secret | undefined {
  const file = tokenFile ?? env['CONSUL_HTTP_TOKEN_FILE'] ?? env['CONSUL_TOKEN_FILE'];
  const fromFile = file === undefined ? '' : readText(file).trim();
  const token = fromFile || env['CONSUL_TOKEN'] || env['CONSUL_HTTP_TOKEN'];
  return token ? new Secret(token) : undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // a file that is being replaced is read again at the next request
    return '';
  }
}

function authorities(env: Env): readonly string[] {
  const [file, directory] = [env['CONSUL_CACERT'], env['CONSUL_CAPATH']];
  const files = file ? [file] : directory ? readdirSync(directory).map((name) => join(directory, name)) : [];
  return files.map((path) => readFileSync(path, 'utf8'));
}

function withScheme(address: string, ssl: boolean): string {
  return /^https?:\/\//.test(address) ? address : `${ssl ? 'https' : 'http'}://${address}`;
}

/** A boolean as Go's strconv.ParseBool reads it. */
function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}
