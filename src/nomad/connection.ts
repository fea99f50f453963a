import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How a Nomad agent is reached. Secrets are asked for, never held: a token's file may change, and no dump of this object shows one. */
export interface NomadConnection {
  /** `http(s)://host:port/prefix`, without a final slash. */
  readonly origin: string;
  readonly socketPath?: string;
  /** The agent is on this machine. */
  readonly local: boolean;
  /** Namespace of reads that name none: NOMAD_NAMESPACE, else `*`. */
  readonly namespace: string;
  readonly region?: string;
  readonly tls: {
    readonly ca?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    readonly verify: boolean;
  };
  /** Read anew at each call. */
  token(): string | undefined;
  /** `user:password` for basic authentication. */
  basicAuth(): string | undefined;
}

/** What the configuration says beside the environment. */
export interface NomadOverrides {
  readonly address?: string | undefined;
  readonly tokenFile?: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The connection that the official variables describe (hashicorp/nomad:api/api.go DefaultConfig): NOMAD_ADDR as URL or unix://path, else
 * NOMAD_UNIX_ADDR (the socket that a workload with an identity is given), else http://127.0.0.1:4646. NOMAD_TOKEN_FILE is ours and wins
 * when it is not empty. Throws `RangeError` where the variables contradict each other or an address is none.
 */
export function nomadConnection(env: Env, { address, tokenFile }: NomadOverrides = {}): NomadConnection {
  const target = address || env['NOMAD_ADDR'] || env['NOMAD_UNIX_ADDR'] || 'http://127.0.0.1:4646';
  const socketPath = /^unix:\/\/(.+)$/.exec(target)?.[1];
  const url = parseAddress(socketPath === undefined ? target : 'http://127.0.0.1');
  const [certFile, keyFile] = [env['NOMAD_CLIENT_CERT'], env['NOMAD_CLIENT_KEY']];
  if (Boolean(certFile) !== Boolean(keyFile))
    throw new RangeError('Cannot use one of NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY alone: expected both or none');
  const ca = authorities(env);
  const auth = env['NOMAD_HTTP_AUTH'] || (url.username ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` : '');
  return {
    origin: `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`,
    ...(socketPath !== undefined && { socketPath }),
    local: socketPath !== undefined || /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname),
    namespace: env['NOMAD_NAMESPACE'] || '*',
    ...(env['NOMAD_REGION'] && { region: env['NOMAD_REGION'] }),
    tls: {
      verify: !goBool('NOMAD_SKIP_VERIFY', env['NOMAD_SKIP_VERIFY']),
      ...(ca.length > 0 && { ca }),
      ...(certFile && { cert: readFileSync(certFile, 'utf8') }),
      ...(keyFile && { key: readFileSync(keyFile, 'utf8') }),
      ...(env['NOMAD_TLS_SERVER_NAME'] && { serverName: env['NOMAD_TLS_SERVER_NAME'] }),
    },
    token: () => readToken(tokenFile || env['NOMAD_TOKEN_FILE']) || env['NOMAD_TOKEN'] || undefined,
    basicAuth: () => auth || undefined,
  };
}

function parseAddress(target: string): URL {
  const text = /^[a-z]+:\/\//i.test(target) ? target : `http://${target}`;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new RangeError(
      `Cannot use the Nomad address: it is ${JSON.stringify(redacted(target))}, expected http(s)://host:port or unix://path`,
    );
  return new URL(text);
}

/** An address without what may be a password. */
function redacted(address: string): string {
  return address.replace(/\/\/[^/]*@/, '//');
}

function readToken(file: string | undefined): string {
  if (!file) return '';
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // a file that is being replaced is read again at the next request
    return '';
  }
}

function authorities(env: Env): readonly string[] {
  const [file, directory] = [env['NOMAD_CACERT'], env['NOMAD_CAPATH']];
  if (file) return [readFileSync(file, 'utf8')];
  if (!directory) return [];
  const files = readdirSync(directory).map((name) => join(directory, name));
  return files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'utf8'));
}

/** A boolean as Go's strconv.ParseBool reads it; false where there is none. */
function goBool(name: string, text: string | undefined): boolean {
  if (!text || /^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  throw new RangeError(`Cannot use ${name}: it is ${JSON.stringify(text)}, expected true or false`);
}
