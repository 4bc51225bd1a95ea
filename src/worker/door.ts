/**
 * Where a worker's socket listens, and who may come in: over ipc a folder that only this user can
 * enter, over TCP (loopback included) CURVE with keys of this session and of no other.
 */
import type { Router, SocketOptions } from "zeromq";
import { MAX_MESSAGE_BYTES } from "../protocol/codec.js";
import { admit } from "./admission.js";
import { makeKeys, writeWorkerKeys } from "./curve-keys.js";
import { makeSocketFolder } from "./socket-folder.js";
import type { WorkerSpec } from "./spec.js";

export interface Door {
  /** What to bind. */
  readonly address: string;
  /** What makes the socket keep to it. */
  readonly options: SocketOptions<Router>;
  /** What the worker connects to, of what was bound. */
  endpoint(bound: string): string;
  /** File with the worker's keys; null: it needs none. */
  readonly keys: string | null;
  /** Removes folder and keys; safe to call twice. */
  close(): void;
}

/**
 * Largest message over TCP, in bytes. libzmq makes room for a message as soon as its length is
 * announced, also to somebody who has not shown a key yet: less than `MAX_MESSAGE_BYTES`, and still
 * the scores of four million prompts.
 */
export const MAX_TCP_MESSAGE_BYTES = 32 * 2 ** 20;

/** How long a connection may take to show a key, in milliseconds; then it is closed. */
const HANDSHAKE_MS = 10_000;

/**
 * @param session - Unique in this process, of at most 250 bytes.
 * @throws {Error} the folder or the keys cannot be made; says what to do.
 */
export async function makeDoor(spec: WorkerSpec["connection"], session: string): Promise<Door> {
  const folder = makeSocketFolder();
  if (spec.transport === "ipc") {
    const address = `ipc://${folder.socket}`;
    return {
      address,
      options: { maxMessageSize: MAX_MESSAGE_BYTES },
      endpoint: () => address,
      keys: null,
      close: folder.remove,
    };
  }
  try {
    const keys = makeKeys();
    writeWorkerKeys(folder.keys, keys);
    const withdraw = await admit(session, keys.client.publicKey);
    return {
      address: `tcp://${spec.host}:${spec.port === 0 ? "*" : spec.port}`,
      options: {
        maxMessageSize: MAX_TCP_MESSAGE_BYTES,
        handshakeInterval: HANDSHAKE_MS,
        curveServer: true,
        curveSecretKey: keys.server.secretKey,
        zapDomain: session,
        // Without it, a handler that is gone would mean that everybody may come in.
        zapEnforceDomain: true,
      },
      endpoint: (bound) =>
        spec.advertise === null ? bound : bound.replace(/^tcp:\/\/.*:/, `tcp://${spec.advertise}:`),
      keys: folder.keys,
      close: () => {
        withdraw();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}
