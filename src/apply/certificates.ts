import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import { createFileAtomic, readTextFile, writeFileAtomic } from '../lib/files.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { readOrSetAside, setAside } from '../lib/set-aside.ts';

/** A certificate and its key as files. */
export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

/**
 * Our own self-signed certificate for TLS requests that no other fits: `default.crt` and `default.key` in `dir`, made once (P-256,
 * ten years). Returns their paths. A key that is missing or cannot be read is made anew, and so is a certificate that does not fit the
 * key. Programs that begin at the same time agree on one key.
 */
export async function ensureDefaultCertificate(dir: string, log: Log = silentLog): Promise<CertificatePaths> {
  const paths = { cert: join(dir, 'default.crt'), key: join(dir, 'default.key') };
  const key = await ensureKey(paths.key, log);
  const cert = await readOrSetAside(paths.cert, { log });
  if (cert === undefined || !isOf(cert, key)) await writeFileAtomic(paths.cert, selfSigned('hind-proxy.invalid', key), { mode: 0o640 });
  return paths;
}

async function ensureKey(path: string, log: Log): Promise<KeyObject> {
  // what cannot be set aside either is written over, or the write says why it cannot be
  for (const make of [createFileAtomic, writeFileAtomic, writeFileAtomic]) {
    const text = await readOrSetAside(path, { log });
    const key = text === undefined ? undefined : privateKeyIn(text);
    if (key) return key;
    if (text !== undefined) await setAside(path, { reason: 'it holds no private key', log });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await make(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o640 });
  }
  throw new Error(`Cannot keep a private key in ${path}: it is removed again and again`);
}

function privateKeyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function isOf(cert: string, key: KeyObject): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(key);
  } catch {
    return false;
  }
}

/**
 * A password for Traefik's API, made once in `file` (0600); programs that begin at the same time get the same. `log`: the file is ours, and
 * set aside where it cannot be read.
 */
export async function ensureApiPassword(file: string, log?: Log): Promise<string> {
  const read = (): Promise<string | undefined> => (log ? readOrSetAside(file, { log }) : readTextFile(file));
  const present = await read();
  if (present?.trim()) return present.trim();
  const made = `${randomBytes(24).toString('base64url')}\n`;
  if (present === undefined) await createFileAtomic(file, made, { mode: 0o600 });
  else await writeFileAtomic(file, made, { mode: 0o600 });
  return ((await read()) ?? made).trim();
}

/** A line of an htpasswd file, with SHA-1: the password is random and long, and the file is ours alone. */
export function htpasswdLine(user: string, password: string): string {
  return `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}`;
}

/** A certificate of a name, in PEM, signed with its own key: one of P-256. */
function selfSigned(name: string, key: KeyObject): string {
  const algorithm = sequence(OID_ECDSA_SHA256);
  const subject = sequence(der(0x31, sequence(OID_COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const now = new Date();
  const until = new Date(now);
  until.setUTCFullYear(now.getUTCFullYear() + 10);
  const names = sequence(der(0x82, Buffer.from(name)));
  const extensions = der(0xa3, sequence(sequence(OID_SUBJECT_ALT_NAME, der(0x04, names))));
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    subject,
    sequence(time(now), time(until)),
    subject,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = sign('sha256', body, key);
  return pem('CERTIFICATE', sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature]))));
}

const OID_ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const OID_COMMON_NAME = Buffer.from('0603550403', 'hex');
const OID_SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** GeneralizedTime to the second: `YYYYMMDDHHMMSSZ`. X.509 wants UTCTime (two digits of the year) before 2050. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '');
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
