/**
 * Where a worker's socket listens, and who may come in: a folder that only this user can enter,
 * and over TCP (loopback included) CURVE with keys of this session and of no other.
 */
import { hostname } from "node:os";
import type { Router, SocketOptions } from "zeromq";
import type { WorkerSpec } from "../spec.js";
import { authenticate, makeKeys, writeWorkerKeys } from "./authentication.js";
import { openProxy, type TcpProxy } from "./proxy.js";
import { makeSocketFolder } from "./socket-folder.js";
import { isEveryAddress, tcpAddress } from "./tcp-address.js";

export interface Listener {
  /** What to bind. */
  readonly address: string;
  /** What makes the socket ask for keys. */
  readonly options: SocketOptions<Router>;
  /** File with the worker's keys; null: it needs none. */
  readonly keys: string | null;
  /**
   * Folder for the worker's temporary files, gone with the listener; null over TCP: the worker may be
   * on another machine.
   */
  readonly temporary: string | null;
  /**
   * To be called when the address has been bound.
   *
   * @returns What the worker connects to.
   * @throws {Error} the TCP address is taken, or none of this machine.
   */
  open(): Promise<string>;
  /** Programs that have spoken to it so far and showed no right key. */
  rejected(): number;
  /** Removes folder and keys, lets nobody in any more; safe to call twice. */
  close(): void;
}

/** How long a connection may take to show a key, in milliseconds; then it is closed. */
const HANDSHAKE_MS = 10_000;

/**
 * @param session - Unique in this process, of at most 250 bytes.
 * @throws {EnvironmentError} the folder cannot be made.
 * @throws {Error} the keys cannot be written; with a code.
 */
export async function makeListener(
  spec: WorkerSpec["connection"],
  session: string,
  keys = makeKeys(),
): Promise<Listener> {
  const folder = makeSocketFolder();
  const address = `ipc://${folder.socket}`;
  if (spec.transport === "ipc") {
    return {
      address,
      options: {},
      keys: null,
      temporary: folder.temporary,
      open: async () => address,
      rejected: () => 0,
      close: folder.remove,
    };
  }
  try {
    writeWorkerKeys(folder.keys, keys);
    const withdraw = await authenticate(session, keys.client.publicKey);
    let proxy: TcpProxy | null = null;
    return {
      address,
      options: {
        handshakeInterval: HANDSHAKE_MS,
        curveServer: true,
        curveSecretKey: keys.server.secretKey,
        zapDomain: session,
        // Without it, a handler that is gone would mean that everybody may come in.
        zapEnforceDomain: true,
      },
      keys: folder.keys,
      temporary: null,
      open: async () => {
        proxy = await openProxy(spec.host, spec.port, folder.socket);
        const own = isEveryAddress(spec.host) ? hostname() : spec.host;
        return tcpAddress(spec.advertise ?? own, proxy.port);
      },
      rejected: () => proxy?.rejected ?? 0,
      close: () => {
        proxy?.close();
        withdraw();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}
