/** One ROUTER socket, bound for one worker: messages in and out, and the end of the connection. */
import { capability, Router, type SocketOptions } from "zeromq";
import { MAX_MESSAGE_BYTES } from "../../protocol/codec.js";
import { EnvironmentError } from "../contract.js";
import type { WorkerSpec } from "../spec.js";
import type { SessionKeys } from "./authentication.js";
import { type Listener, makeListener } from "./listener.js";
import { tcpAddress } from "./tcp-address.js";

export interface Receiver {
  /** One message of the worker. The bytes are the receiver's to keep. */
  message(bytes: Uint8Array): void;
  /** Something arrived that is no message of this worker. */
  stray(text: string): void;
  /** The worker closed the connection, or its heartbeats stopped; also before its first message. */
  disconnected(): void;
}

/**
 * ZMTP heartbeats, in milliseconds: they see a stopped (SIGSTOP) or unreachable worker, which is no
 * exit. libzmq's I/O thread answers them, so training never delays them; but on a box with more
 * busy threads than cores that thread too may wait a second or two for its turn, and a wrong
 * verdict costs the run its worker. Hence a timeout of many intervals: hangs are the timeout
 * deadline's business, crashes the exit code's, and both are told sooner or better than this.
 */
const HEARTBEAT = { interval: 500, timeout: 5000 } as const;

/** How long one message may wait for room in the socket, in milliseconds. */
const SEND_MS = 10_000;

/**
 * Gives `[peer, empty]` in its turn when a peer has come in, and when its connection has ended
 * (ZMQ_ROUTER_NOTIFY with ZMQ_NOTIFY_CONNECT and ZMQ_NOTIFY_DISCONNECT, which zeromq.js has no name for).
 * The socket's own events do not say whose connection ended, and anybody who is turned away at the
 * listener would look like the worker.
 */
class NotifyingRouter extends Router {
  constructor(options: SocketOptions<Router>) {
    super(options);
    this.setInt32Option(97, 3);
  }
}

export class Connection {
  /** What the worker connects to. */
  readonly endpoint: string;
  readonly #socket: Router;
  readonly #listener: Listener;
  #peer: Buffer | null = null;
  /** Those whose connection is up, by their routing ids. */
  readonly #present = new Set<string>();
  #welcomed = false;
  /** A worker does not reconnect: what was on its way is lost, and so is the session. */
  #disconnected = false;
  /** The last send in the queue: zeromq.js throws EBUSY at a second send at the same time. */
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(socket: Router, listener: Listener, endpoint: string) {
    this.#socket = socket;
    this.#listener = listener;
    this.endpoint = endpoint;
  }

  /** File with the worker's keys; null: it needs none. */
  get keys(): string | null {
    return this.#listener.keys;
  }

  /** Programs that spoke to the address and showed no right key. */
  get rejected(): number {
    return this.#listener.rejected();
  }

  /** Whether anybody has come in; nobody else than the worker can. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  /** Folder for the worker's temporary files, gone with the connection; null: it has its own. */
  get temporary(): string | null {
    return this.#listener.temporary;
  }

  /**
   * Binds a fresh address.
   *
   * @param session - Unique in this process.
   * @param keys - Over TCP; without them new ones are made.
   * @throws {EnvironmentError} the folder cannot be made or the address not be bound.
   */
  static async open(
    receiver: Receiver,
    spec: WorkerSpec["connection"],
    session: string,
    keys?: SessionKeys,
  ): Promise<Connection> {
    if (!capability.draft) {
      throw new EnvironmentError(
        "the zeromq package was built without its draft API, which reports a lost worker; remove " +
          "zmq_draft from .npmrc and install again",
      );
    }
    const listener = await makeListener(spec, session, keys);
    const socket = new NotifyingRouter({
      ...listener.options,
      // The default (-1) would keep this process alive for a message that nobody takes any more.
      linger: 0,
      // Without it a message to a worker that is gone vanishes in timeout.
      mandatory: true,
      sendTimeout: SEND_MS,
      maxMessageSize: MAX_MESSAGE_BYTES,
      heartbeatInterval: HEARTBEAT.interval,
      heartbeatTimeout: HEARTBEAT.timeout,
    });
    let endpoint: string;
    try {
      await socket.bind(listener.address);
      endpoint = await listener.open();
    } catch (error) {
      socket.close();
      listener.close();
      throw new EnvironmentError(bindText(spec, listener.address, error), { cause: error });
    }
    const connection = new Connection(socket, listener, endpoint);
    connection.#receive(receiver).catch((error: unknown) => {
      receiver.stray(`the worker's socket failed: ${String(error)}`);
      receiver.disconnected();
    });
    return connection;
  }

  /**
   * Sends one message to the worker, after those before it.
   *
   * @throws {Error} the worker is not connected (any more), or takes nothing in.
   */
  send(bytes: Uint8Array): Promise<void> {
    const sent = this.#sending.then(() => this.#sendNow(bytes));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  /** Closes the socket and removes folder, keys and temporary files; safe to call twice. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#socket.close();
      this.#listener.close();
    }
  }

  async #sendNow(bytes: Uint8Array): Promise<void> {
    if (this.#closed || this.#disconnected || this.#peer === null) {
      throw new Error(`the worker at ${this.endpoint} is not connected`);
    }
    try {
      await this.#socket.send([this.#peer, bytes]);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const what = code === "EHOSTUNREACH" ? "is no longer connected" : "takes no message in";
      throw new Error(`the worker at ${this.endpoint} ${what} (${code})`, { cause: error });
    }
  }

  async #receive(receiver: Receiver): Promise<void> {
    for await (const [peer, ...frames] of this.#socket) {
      const [message] = frames;
      const ours = this.#peer === null || this.#peer.equals(peer!);
      if (frames.length === 1 && message!.byteLength === 0) {
        const id = peer!.toString("hex");
        if (!this.#present.delete(id)) {
          this.#present.add(id);
          this.#welcomed = true;
        } else if (ours) {
          // The peer's end, or a message that means nothing: libzmq tells both alike.
          this.#disconnected = true;
          receiver.disconnected();
        }
      } else if (!ours) {
        receiver.stray("a second process connected to the worker's socket and sent a message");
      } else if (frames.length !== 1 || message === undefined) {
        this.#peer = peer!;
        receiver.stray(`a message came in ${frames.length} frames, expected one`);
      } else {
        this.#peer = peer!;
        receiver.message(message);
      }
    }
  }
}

function bindText(
  { transport, host, port }: WorkerSpec["connection"],
  address: string,
  error: unknown,
): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> =
    transport === "ipc"
      ? {
          EADDRINUSE: "another process has this address; try again",
          EACCES: "no permission; set TMPDIR to a folder that may be written to",
          ENAMETOOLONG: "the path is too long for a socket; set TMPDIR to a shorter folder",
        }
      : {
          EADDRINUSE:
            "this port is taken; set connection.port of the worker's file to 0 (any free one: " +
            "workers of trials side by side need one each)",
          EADDRNOTAVAIL:
            "this machine has no such address; see connection.host of the worker's file",
          EAFNOSUPPORT: "this machine has no IPv6; see connection.host of the worker's file",
          EAI_AGAIN: "this name cannot be resolved now; see connection.host of the worker's file",
          ENOTFOUND: "this name does not resolve; see connection.host of the worker's file",
          EACCES: "no permission; set connection.port of the worker's file to 0 or above 1023",
        };
  const where = transport === "ipc" ? address : tcpAddress(host, port);
  return `cannot bind the worker's socket ${where}: ${reasons[code ?? ""] ?? message}`;
}
