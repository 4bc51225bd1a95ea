/** One ROUTER socket, bound for one worker. The only file that knows zeromq. */
import { Router } from "zeromq";
import { MAX_MESSAGE_BYTES } from "../protocol/codec.js";
import { makeSocketFolder, type SocketFolder } from "./socket-folder.js";

export interface Receiver {
  /** One message of the worker. The bytes are the receiver's to keep. */
  message(bytes: Uint8Array): void;
  /** Something arrived that is no message of this worker. */
  stray(text: string): void;
  /** The worker closed the connection, or its heartbeats stopped. */
  disconnected(): void;
}

/**
 * ZMTP heartbeats, in milliseconds: they see a stopped (SIGSTOP) or unreachable worker, which is no
 * exit. libzmq's I/O thread answers them, so training never delays them; but on a box with more
 * busy threads than cores that thread too may wait a second or two for its turn, and a wrong
 * verdict costs the run its worker. Hence a timeout of many intervals: hangs are the silence
 * deadline's business, crashes the exit code's, and both are told sooner or better than this.
 */
const HEARTBEAT = { interval: 500, timeout: 5000 } as const;

/** How long one message may wait for room in the socket, in milliseconds. */
const SEND_MS = 10_000;

export class Connection {
  readonly endpoint: string;
  readonly #socket: Router;
  readonly #folder: SocketFolder;
  #peer: Buffer | null = null;
  /** A worker does not reconnect: what was on its way is lost, and so is the session. */
  #disconnected = false;
  /** The last send in the queue: zeromq.js throws EBUSY at a second send at the same time. */
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(socket: Router, folder: SocketFolder) {
    this.#socket = socket;
    this.#folder = folder;
    this.endpoint = `ipc://${folder.path}`;
  }

  /**
   * Binds a fresh address.
   *
   * @throws {Error} the folder cannot be made or the address not be bound; says what to do.
   */
  static async open(receiver: Receiver): Promise<Connection> {
    const folder = makeSocketFolder();
    const socket = new Router({
      // The default (-1) would keep this process alive for a message that nobody takes any more.
      linger: 0,
      // Without it a message to a worker that is gone vanishes in silence.
      mandatory: true,
      sendTimeout: SEND_MS,
      maxMessageSize: MAX_MESSAGE_BYTES,
      heartbeatInterval: HEARTBEAT.interval,
      heartbeatTimeout: HEARTBEAT.timeout,
    });
    const connection = new Connection(socket, folder);
    try {
      await socket.bind(connection.endpoint);
    } catch (error) {
      connection.close();
      throw new Error(bindText(connection.endpoint, error), { cause: error });
    }
    for (const loop of [connection.#receive(receiver), connection.#watch(receiver)]) {
      loop.catch((error: unknown) => {
        receiver.stray(`the worker's socket failed: ${String(error)}`);
        receiver.disconnected();
      });
    }
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

  /** Closes the socket and removes its folder; safe to call twice. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#socket.close();
      this.#folder.remove();
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
      const what = code === "EHOSTUNREACH" ? "is not connected any more" : "takes no message in";
      throw new Error(`the worker at ${this.endpoint} ${what} (${code})`, { cause: error });
    }
  }

  async #receive(receiver: Receiver): Promise<void> {
    for await (const [peer, ...frames] of this.#socket) {
      this.#peer ??= peer!;
      const [message] = frames;
      if (!this.#peer.equals(peer!)) {
        receiver.stray("a second process connected to the worker's socket and sent a message");
      } else if (frames.length !== 1 || message === undefined) {
        receiver.stray(`a message came in ${frames.length} frames, expected one`);
      } else {
        receiver.message(message);
      }
    }
  }

  async #watch(receiver: Receiver): Promise<void> {
    for await (const event of this.#socket.events) {
      if (event.type === "disconnect" && this.#peer !== null && !this.#closed) {
        this.#disconnected = true;
        receiver.disconnected();
      }
    }
  }
}

function bindText(endpoint: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EADDRINUSE: "another process has this address; try again",
    EACCES: "no permission; set TMPDIR to a folder that may be written to",
    ENAMETOOLONG: "the path is too long for a socket; set TMPDIR to a shorter folder",
  };
  return `cannot bind the worker's socket ${endpoint}: ${reasons[code ?? ""] ?? message}`;
}
