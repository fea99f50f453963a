/** An IP address as its bytes: 4 for IPv4, 16 for IPv6. */
export type IpBytes = readonly number[];

/** A block of addresses in CIDR notation. */
export interface Cidr {
  readonly bytes: IpBytes;
  readonly bits: number;
}

/** The bytes of an IPv4 or IPv6 literal without brackets, zone or leading zeros; undefined when the text is none. */
export function parseIp(text: string): IpBytes | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** A CIDR block or single address; undefined when the text is none. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (!bytes) return undefined;
  if (slash < 0) return { bytes, bits: bytes.length * 8 };
  const digits = text.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  return bits <= bytes.length * 8 ? { bytes, bits } : undefined;
}

/** Whether a text is a block or an address in the form that every reader takes: without zeros before the number of bits. */
export function isPlainCidr(text: string): boolean {
  return parseCidr(text) !== undefined && !/\/0\d/.test(text);
}

/** Whether an address lies in a block. An IPv4-mapped IPv6 address is compared as the IPv4 address that it stands for. */
export function isInside(address: IpBytes, block: Cidr): boolean {
  const bytes = unmapped(address);
  if (bytes.length !== block.bytes.length) return false;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, block.bits - index * 8));
    const mask = (0xff00 >> bits) & 0xff;
    return (byte & mask) === ((block.bytes[index] ?? 0) & mask);
  });
}

/** Whether an address lies in one of the blocks, given as text. */
export function isInsideAny(address: IpBytes, cidrs: readonly string[]): boolean {
  return cidrs.some((text) => {
    const block = parseCidr(text);
    return block !== undefined && isInside(address, block);
  });
}

/** The blocks as text in CIDR notation, without any address of `holes`: as few blocks as can be, in the order of their addresses. */
export function withoutBlocks(cidrs: readonly string[], holes: readonly string[]): readonly string[] {
  const away = holes.flatMap((cidr) => parseCidr(cidr) ?? []);
  return cidrs.flatMap((cidr) => {
    const block = parseCidr(cidr);
    return block ? cut(block, away).map(printCidr) : [];
  });
}

function cut(block: Cidr, holes: readonly Cidr[]): readonly Cidr[] {
  const inside = holes.filter((hole) => hole.bytes.length === block.bytes.length && overlaps(block, hole));
  if (inside.length === 0) return [block];
  if (inside.some(({ bits }) => bits <= block.bits)) return [];
  return halvesOf(block).flatMap((half) => cut(half, inside));
}

function overlaps(a: Cidr, b: Cidr): boolean {
  const bits = Math.min(a.bits, b.bits);
  return maskedBytes({ bytes: a.bytes, bits }).every((byte, index) => byte === maskedBytes({ bytes: b.bytes, bits })[index]);
}

function halvesOf({ bytes, bits }: Cidr): readonly Cidr[] {
  const low = maskedBytes({ bytes, bits });
  const high = low.map((byte, index) => (index === bits >> 3 ? byte | (0x80 >> (bits & 7)) : byte));
  return [low, high].map((half) => ({ bytes: half, bits: bits + 1 }));
}

function maskedBytes({ bytes, bits }: Cidr): IpBytes {
  return bytes.map((byte, index) => byte & ((0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff));
}

function printCidr(block: Cidr): string {
  const bytes = maskedBytes(block);
  const groups = Array.from({ length: bytes.length / 2 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const address = bytes.length === 4 ? bytes.join('.') : groups.map((group) => group.toString(16)).join(':');
  return `${address}/${block.bits}`;
}

/** The IPv4 address inside `::ffff:a.b.c.d`, or the address itself. */
export function unmapped(address: IpBytes): IpBytes {
  const mapped = address.length === 16 && address.slice(0, 10).every((byte) => byte === 0) && address[10] === 255 && address[11] === 255;
  return mapped ? address.slice(12) : address;
}

/**
 * A regular expression for the dotted form of the IPv4 addresses in a block, without anchors; undefined for an IPv6 block. Four dotted
 * numbers only: other spellings of an address (leading zeros, hexadecimal) do not match.
 */
export function ipv4Regexp({ bytes, bits }: Cidr): string | undefined {
  if (bytes.length !== 4) return undefined;
  return bytes.map((byte, index) => octetRegexp(byte, Math.min(8, Math.max(0, bits - index * 8)))).join('\\.');
}

function parseIpv4(text: string): IpBytes | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): IpBytes | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')];
  if (!head || !tail) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array<number>(missing).fill(0), ...tail];
}

function groupsOf(text: string): IpBytes | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    const last = index === groups.length - 1;
    const four = last && group.includes('.') ? parseIpv4(group) : undefined;
    if (four) bytes.push(...four);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}

/** The numbers that share the first `bits` bits with a byte. */
function octetRegexp(byte: number, bits: number): string {
  if (bits === 8) return String(byte);
  if (bits === 0) return '[0-9]{1,3}';
  const size = 2 ** (8 - bits);
  const first = byte - (byte % size);
  return `(?:${Array.from({ length: size }, (_, index) => first + index).join('|')})`;
}
