import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { join } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { readOrSetAside } from '../lib/set-aside.ts';

/** A certificate and its key as files. */
export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

/**
 * Our own self-signed certificate for TLS requests that no other fits: `default.crt` and `default.key` in `dir`, made once (P-256,
 * ten years). Returns their paths. Both are made anew where one of them is missing or cannot be read.
 */
export async function ensureDefaultCertificate(dir: string, log: Log = silentLog): Promise<CertificatePaths> {
  const paths = { cert: join(dir, 'default.crt'), key: join(dir, 'default.key') };
  const [cert, key] = await Promise.all([readOrSetAside(paths.cert, { log }), readOrSetAside(paths.key, { log })]);
  if (cert !== undefined && key !== undefined) return paths;
  const made = selfSigned('hind-proxy.invalid');
  await writeFileAtomic(paths.key, made.key, { mode: 0o640 });
  await writeFileAtomic(paths.cert, made.cert, { mode: 0o640 });
  return paths;
}

/** A password for Traefik's API, made once in `file` (0600). `log`: the file is ours, and set aside where it cannot be read. */
export async function ensureApiPassword(file: string, log?: Log): Promise<string> {
  const present = (await (log ? readOrSetAside(file, { log }) : readTextFile(file)))?.trim();
  if (present) return present;
  const made = randomBytes(24).toString('base64url');
  await writeFileAtomic(file, `${made}\n`, { mode: 0o600 });
  return made;
}

/** A line of an htpasswd file, with SHA-1: the password is random and long, and the file is ours alone. */
export function htpasswdLine(user: string, password: string): string {
  return `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}`;
}

function selfSigned(name: string): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
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
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = sign('sha256', body, privateKey);
  const cert = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return { cert: pem('CERTIFICATE', cert), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
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
