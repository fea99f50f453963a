import { isIPv6 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { dlopen, getInt32, getRawPointer } from 'node:ffi';
import type { Receiver } from './gate.ts';

/**
 * The program of a gate (`gate.ts`), started by it with `--experimental-ffi`; its arguments are the receiver, then a host and a port for
 * each address. On each address it joins the sockets that listen there, tells the kernel which of them gets new connections, and leaves
 * them again: what the kernel was told stays (SO_ATTACH_REUSEPORT_CBPF, socket(7)). That is a classic BPF program which says a place in
 * the order in which the sockets began to listen; where no socket has that place, the kernel shares as if it had not been told. So of
 * two that listen, the one that is left gets everything when the other goes, however it goes. Where it cannot, it says why and ends with
 * 1.
 */

const PLACES: Readonly<Record<Exclude<Receiver, 'any'>, number>> = { old: 0, new: 1 };

// of Linux, on little-endian processors
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_DETACH_REUSEPORT_BPF = 68;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** `ret #k` of a classic BPF program. */
const RETURN = 0x06;

// not by node:net, whose event loop comes between joining and telling: what the kernel gives to this program meanwhile is lost
const { functions: libc } = dlopen(null, {
  socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
  inet_pton: { arguments: ['int32', 'string', 'buffer'], return: 'int32' },
  bind: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
  listen: { arguments: ['int32', 'int32'], return: 'int32' },
  close: { arguments: ['int32'], return: 'int32' },
  __errno_location: { arguments: [], return: 'pointer' },
});

const [receiver, ...addresses] = process.argv.slice(2);
try {
  // the first call of everything is slow
  tell('127.0.0.1', 0, 'old');
  for (let at = 0; at + 1 < addresses.length; at += 2) tell(addresses[at] ?? '', Number(addresses[at + 1]), receiver as Receiver);
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function tell(host: string, port: number, to: Receiver): void {
  const where = `${host}:${port}`;
  const address = socketAddress(host, port);
  const option = to === 'any' ? SO_DETACH_REUSEPORT_BPF : SO_ATTACH_REUSEPORT_CBPF;
  const value = to === 'any' ? Buffer.alloc(4) : programThatReturns(PLACES[to]);
  const socket = done(where, 'socket', libc.socket(address.readUInt16LE(0), SOCK_STREAM_CLOEXEC, 0));
  try {
    for (const shared of [SO_REUSEADDR, SO_REUSEPORT]) done(where, 'setsockopt', setOption(socket, shared, int32(1)));
    // as Go has it, whatever the system's own choice
    if (host === '::') done(where, 'setsockopt', libc.setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, int32(0), 4));
    done(where, 'bind', libc.bind(socket, address, address.length));
    done(where, 'listen', libc.listen(socket, 1));
    done(where, 'setsockopt', setOption(socket, option, value));
  } finally {
    libc.close(socket);
  }
}

function done(where: string, call: string, result: number): number {
  if (result < 0) throw new Error(`${where}: ${call} ${getSystemErrorName(-getInt32(libc.__errno_location()))}`);
  return result;
}

function setOption(socket: number, option: number, value: Buffer): number {
  return libc.setsockopt(socket, SOL_SOCKET, option, value, value.length);
}

/** A `sockaddr_in` or `sockaddr_in6`. */
function socketAddress(host: string, port: number): Buffer {
  const family = isIPv6(host) ? AF_INET6 : AF_INET;
  const address = Buffer.alloc(family === AF_INET6 ? 28 : 16);
  address.writeUInt16LE(family, 0);
  address.writeUInt16BE(port, 2);
  libc.inet_pton(family, host, address.subarray(family === AF_INET6 ? 8 : 4));
  return address;
}

/** A `sock_fprog`; the one instruction that it points at stands behind it in the same memory. */
function programThatReturns(place: number): Buffer {
  const program = Buffer.alloc(24);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(getRawPointer(program) + 16n, 8);
  program.writeUInt16LE(RETURN, 16);
  program.writeUInt32LE(place, 20);
  return program.subarray(0, 16);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}
