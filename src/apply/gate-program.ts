import { createServer, type Server } from 'node:net';
import { dlopen, getRawPointer } from 'node:ffi';
import type { GateAnswer, GateOrder } from './gate.ts';

/**
 * The program of a gate (`gate.ts`), started by it with `--experimental-ffi`: it joins the sockets that listen on some addresses and
 * tells the kernel which of them gets new connections, with a classic BPF program that says a place in the order in which they began to
 * listen (SO_ATTACH_REUSEPORT_CBPF, socket(7)). A socket that closes leaves its place to the last one.
 */

const SOL_SOCKET = 1;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_DETACH_REUSEPORT_BPF = 68;
/** `ret #k` of a classic BPF program. */
const RETURN = 0x06;
/** Places: the old proxy, this gate, the new proxy. */
const [OLD, NEW] = [0, 2];

const { functions } = dlopen(null, {
  setsockopt: { arguments: ['int32', 'int32', 'int32', 'pointer', 'uint32'], return: 'int32' },
});
const held: { readonly host: string; readonly port: number; readonly first: Server; second?: Server }[] = [];

process.on('message', (order: GateOrder) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ kind: 'unable', reason: String(error) } satisfies GateAnswer),
  );
});
process.on('disconnect', () => process.exit(0));

async function obey(order: GateOrder): Promise<GateAnswer> {
  if (order.kind === 'hold') {
    // the first time everything is slow, and what comes between joining and directing is lost
    (await join('127.0.0.1', 0, (server) => direct(server, OLD))).close();
    for (const { host, port } of order.addresses) {
      const first = await join(host, port, (server) => direct(server, OLD)).catch((error: unknown) => String(error));
      if (typeof first === 'string') return { kind: 'unable', reason: first, address: `${host}:${port}` };
      held.push({ host, port, first });
    }
  } else if (order.kind === 'hand') {
    // behind the new one, so that it stays in its place when the old one goes
    for (const place of held) place.second = await join(place.host, place.port, () => undefined);
    for (const { first } of held) direct(first, NEW);
  } else {
    for (const { first, second } of held) {
      second?.close();
      if (second) direct(first, OLD);
      setOption(first, SO_DETACH_REUSEPORT_BPF, Buffer.alloc(4));
      first.close();
    }
  }
  return { kind: 'done' };
}

/** Listens beside the others on an address; `onListening` is called before anything else can happen. */
function join(host: string, port: number, onListening: (server: Server) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', reject);
    server.listen({ host, port, reusePort: true }, () => {
      try {
        onListening(server);
        resolve(server);
      } catch (error) {
        server.close();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

/** Sends every new connection of a listener's address to the socket at this place. */
function direct(server: Server, place: number): void {
  const instruction = Buffer.alloc(8);
  instruction.writeUInt16LE(RETURN, 0);
  instruction.writeUInt32LE(place, 4);
  const program = Buffer.alloc(16);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(getRawPointer(instruction), 8);
  setOption(server, SO_ATTACH_REUSEPORT_CBPF, program);
}

function setOption(server: Server, option: number, value: Buffer): void {
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  if (functions.setsockopt(fd, SOL_SOCKET, option, getRawPointer(value), value.length) !== 0)
    throw new Error(`Cannot set option ${option} of a socket, expected Linux 4.5 or newer`);
}
