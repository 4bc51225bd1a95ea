/**
 * The TCP side of a session's socket: it listens, and passes bytes on to the socket, which stays in
 * its folder. libzmq by itself would make room for a message of any announced length, also for
 * somebody who has not shown a key yet; here a connection that has not been authenticated gets to send
 * what a CURVE handshake needs and no more. Keys and messages are none of the proxy's business.
 */
import { lookup } from "node:dns/promises";
import { type AddressInfo, connect, createServer, isIP, type Server, type Socket } from "node:net";

/** Greeting, HELLO and INITIATE of a client take some 600 bytes (RFC 26). */
const HANDSHAKE_BYTES = 4096;

/**
 * READY is what the server says to a client that it authenticates: a command in the clear after its
 * greeting (64 bytes), its WELCOME (170) and the two bytes of the frame's head.
 */
const READY = { at: 64 + 170 + 2, bytes: Buffer.from("\x05READY") } as const;

/** Connections in their handshake, which takes milliseconds; beyond these the oldest has to go. */
const MAX_WAITING = 64;

export interface TcpProxy {
  readonly port: number;
  /** Connections that sent something and ended without being authenticated. */
  readonly rejected: number;
  /** Hangs up on everyone; safe to call twice. */
  close(): void;
}

/**
 * Listens on an address for the session's socket.
 *
 * @param host - Address, or a name of an IPv4 address.
 * @param port - 0: any free one.
 * @param socket - Path of the Unix socket that libzmq has bound.
 * @throws {Error} Node's, with a code: the address is taken, or none of this machine.
 */
export async function openProxy(host: string, port: number, socket: string): Promise<TcpProxy> {
  const open = new Set<Socket>();
  /** Not authenticated yet, oldest first. */
  const waiting = new Set<Socket>();
  let rejected = 0;
  const server = createServer({ noDelay: true }, (outside) => {
    const inside = connect(socket);
    for (const end of [outside, inside]) {
      open.add(end);
      // Its close follows, and is all that matters.
      end.on("error", () => {});
      end.once("close", () => open.delete(end));
    }
    waiting.add(outside);
    limitHandshake(outside, inside, () => waiting.delete(outside));
    outside.pipe(inside);
    inside.pipe(outside);
    outside.once("close", () => {
      if (waiting.delete(outside) && outside.bytesRead > 0) {
        rejected += 1;
      }
      inside.destroySoon(); // what the worker sent last still goes through
    });
    inside.once("close", () => outside.destroySoon());
    if (waiting.size > MAX_WAITING) {
      waiting.values().next().value?.destroy();
    }
  });
  // The worker looks names up as IPv4, so that a name of both kinds leads here as well.
  const address = isIP(host) === 0 ? (await lookup(host, 4)).address : host;
  await listening(server, address, port);
  return {
    get rejected() {
      return rejected;
    },
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const end of open) {
        end.destroy();
      }
    },
  };
}

function limitHandshake(outside: Socket, inside: Socket, authenticated: () => void): void {
  let received = 0;
  let answer = Buffer.alloc(0);
  const count = (chunk: Buffer) => {
    received += chunk.byteLength;
    if (received > HANDSHAKE_BYTES) {
      outside.destroy();
      inside.destroy();
    }
  };
  const watch = (chunk: Buffer) => {
    answer = Buffer.concat([answer, chunk]);
    if (answer.byteLength >= READY.at + READY.bytes.byteLength) {
      inside.off("data", watch);
      if (answer.subarray(READY.at).indexOf(READY.bytes) === 0) {
        outside.off("data", count);
        authenticated();
      }
    }
  };
  outside.on("data", count);
  inside.on("data", watch);
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
