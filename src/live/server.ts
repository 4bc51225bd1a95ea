/** A run's end of its local socket: any number of views, which come and go. */
import { createServer, type Server, type Socket } from "node:net";
import type { RunCommand } from "../engine/commands.js";
import type { Observation } from "../engine/ports.js";
import { type ControlAddress, folderIdentity, makeAddress } from "./address.js";
import {
  longestToRun,
  type ProgressMessage,
  type RunMessage,
  readLines,
  viewMessage,
  writeLine,
} from "./messages.js";

/** A view that takes nothing in, in bytes: it is let go, it can come back. */
const maxBacklog = 1 << 20;

export interface RunServer {
  /** Passes on what views cannot read in the journal, and that the journal has grown. */
  observe(observation: Observation): void;
  /** Lets all views go and removes the socket. */
  close(): Promise<void>;
}

/**
 * @param run folder of a run that this process has locked
 * @param ask carries a view's command out: null; or says why it does not apply
 * @throws {Error} the socket cannot be made
 */
export async function serveRun(
  run: string,
  ask: (command: RunCommand) => string | null,
): Promise<RunServer> {
  const address = makeAddress(run);
  try {
    const server = new LocalServer(address, folderIdentity(run), ask);
    await server.listen();
    return server;
  } catch (error) {
    address.remove();
    throw error;
  }
}

class LocalServer implements RunServer {
  readonly #views = new Set<Socket>();
  readonly #server: Server;
  /** Newest progress of each trial, for views that come later. */
  readonly #progress = new Map<string, ProgressMessage>();

  constructor(
    private readonly address: ControlAddress,
    private readonly folder: string,
    private readonly ask: (command: RunCommand) => string | null,
  ) {
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      // Stays: a view that cannot be let in, for want of file handles say, is no matter of the run's.
      this.#server.on("error", reject);
      this.#server.listen(this.address.path, () => {
        // An open view does not keep a run alive.
        this.#server.unref();
        resolve();
      });
    });
  }

  observe(observation: Observation): void {
    if (observation.kind === "event") {
      const { seq, trial } = observation.event;
      if (trial !== null) {
        this.#progress.delete(trial);
      }
      this.#tell({ kind: "journal", seq });
    } else {
      this.#progress.set(observation.trial, observation);
      this.#tell(observation);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // At once: what a view was told it can still read, and one that never reads would never end.
    for (const view of this.#views) {
      view.destroy();
    }
    await closed;
    this.address.remove();
  }

  #welcome(view: Socket): void {
    this.#views.add(view);
    view.unref();
    view.on("close", () => this.#views.delete(view));
    // A view that died is no matter of the run's.
    view.on("error", () => view.destroy());
    const { folder } = this;
    const progress = [...this.#progress.values()];
    writeLine(view, {
      kind: "hello",
      pid: process.pid,
      folder,
      progress,
    } satisfies RunMessage);
    readLines(view, longestToRun, (line) => this.#take(view, line));
  }

  #take(view: Socket, line: string): void {
    const message = messageOf(line);
    if (message === null) {
      view.destroy();
      return;
    }
    const refused = this.ask(message.command);
    writeLine(view, { kind: "answer", id: message.id, refused } satisfies RunMessage);
  }

  #tell(message: RunMessage): void {
    for (const view of this.#views) {
      if (view.writableLength > maxBacklog) {
        view.destroy();
      } else {
        writeLine(view, message);
      }
    }
  }
}

function messageOf(line: string) {
  try {
    return viewMessage.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
