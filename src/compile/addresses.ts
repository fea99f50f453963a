import { isInside, parseCidr, parseIp, unmapped, type Cidr, type IpBytes } from '../lib/ip.ts';
import type { AddressPolicy } from './options.ts';

const block = (text: string): Cidr => {
  const cidr = parseCidr(text);
  if (!cidr) throw new TypeError(`Cannot read the block "${text}"`);
  return cidr;
};

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(block);
/** Addresses that no instance of a service can have, with the word for each. */
const REFUSED: readonly (readonly [string, readonly Cidr[]])[] = [
  ['unspecified', ['0.0.0.0/8', '::/128'].map(block)],
  ['link-local', ['169.254.0.0/16', 'fe80::/10'].map(block)],
  ['multicast or broadcast', ['224.0.0.0/4', '255.255.255.255/32', 'ff00::/8'].map(block)],
];

/** An address in the one form in which `AddressPolicy.controlPorts` holds it, however it is written. */
export function controlKey(address: string, port: number): string {
  const ip = parseIp(address);
  return `${ip ? unmapped(ip).join('.') : address.toLowerCase()} ${port}`;
}

/**
 * Why nothing may be routed to an address, or undefined where it may: unspecified, link-local, multicast and mapped addresses,
 * loopback of a catalog that is asked over the network, names that resolve locally, and the administrative endpoints.
 */
export function addressProblem(
  endpoint: { readonly address: string; readonly port: number },
  { local, policy }: { readonly local: boolean; readonly policy: AddressPolicy },
): string | undefined {
  const { address, port } = endpoint;
  const ip = parseIp(address);
  // whoever resolves a local name decides what it is
  const isHere = ip ? LOOPBACK.some((candidate) => isInside(ip, candidate)) : isLocalName(address);
  if (policy.controlPorts.has(controlKey(address, port)) || (isHere && isControlled(port, policy)))
    return 'it is an administrative endpoint';
  return ip ? ipProblem(ip, local, policy) : nameProblem(address, local);
}

/** A name that may be that of this machine. */
function isLocalName(name: string): boolean {
  const labels = name.toLowerCase().split('.');
  return labels.length === 1 || labels.at(-1) === 'localhost';
}

function isControlled(port: number, { controlPorts }: AddressPolicy): boolean {
  return [...controlPorts].some((key) => key.endsWith(` ${port}`));
}

function ipProblem(ip: IpBytes, local: boolean, { allow, deny }: AddressPolicy): string | undefined {
  const inside = (blocks: readonly Cidr[]): boolean => blocks.some((candidate) => isInside(ip, candidate));
  if (inside(deny)) return 'it is in `backends.deny`';
  if (inside(allow)) return undefined;
  if (unmapped(ip) !== ip) return 'it is an IPv4 address mapped into IPv6';
  const kind = REFUSED.find(([, blocks]) => inside(blocks))?.[0];
  if (kind !== undefined) return `it is ${kind}`;
  return inside(LOOPBACK) && !local ? 'it is loopback, and the catalog is not on this machine' : undefined;
}

function nameProblem(name: string, local: boolean): string | undefined {
  const labels = name.toLowerCase().split('.');
  if (name.length > 253 || !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) return 'it is no host name';
  // 127.1 and 0x7f000001 are addresses to every resolver
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return 'it is a number in disguise of a name';
  if (labels.at(-1) === 'localhost') return local ? undefined : 'it is a name of the local machine';
  return labels.length === 1 && !local ? 'it is a name without a domain' : undefined;
}
