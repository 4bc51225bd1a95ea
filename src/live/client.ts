/** A view's end of a run's local socket. */
import { connect, type Socket } from "node:net";
import type { RunCommand } from "../engine/commands.js";
import { folderIdentity, readAddress } from "./address.js";
import {
  longestToView,
  type ProgressMessage,
  type RunMessage,
  readLines,
  runMessage,
  writeLine,
} from "./messages.js";

export interface RunLinkEvents {
  /** The journal has grown. */
  onJournal(): void;
  onProgress(progress: ProgressMessage): void;
  /** The run let go: it has ended, or its controller died. Also after `close`. */
  onClosed(): void;
}

export interface RunLink {
  /** Of the run's controller. */
  readonly pid: number;
  /**
   * @returns null: carried out; or why it does not apply
   * @throws {Error} the run let go before it answered, or does not answer
   */
  ask(command: RunCommand): Promise<string | null>;
  close(): void;
}

/** Milliseconds within which a controller answers, unless it hangs or its machine does. */
const limit = { hello: 5000, answer: 30_000 };

/**
 * The progress so far is reported before this settles.
 *
 * @returns null: no controller serves the run: it is over, its controller died, or it does not answer
 */
export async function connectToRun(run: string, events: RunLinkEvents): Promise<RunLink | null> {
  const path = readAddress(run);
  if (path === null) {
    return null;
  }
  const link = new Link(folderIdentity(run), events);
  return (await link.open(path)) ? link : null;
}

interface Waiting {
  resolve(refused: string | null): void;
  reject(error: Error): void;
}

class Link implements RunLink {
  pid = 0;
  #socket: Socket | null = null;
  #welcomed = false;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();

  constructor(
    private readonly folder: string,
    private readonly events: RunLinkEvents,
  ) {}

  /** @returns whether the run answered with its hello */
  open(path: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(path);
      this.#socket = socket;
      const silent = setTimeout(() => socket.destroy(), limit.hello);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        clearTimeout(silent);
        resolve(false);
        this.#over();
      });
      readLines(socket, longestToView, (line) => {
        const message = messageOf(line);
        const first = message?.kind === "hello";
        const known = first ? message.folder === this.folder : this.#welcomed;
        if (message === null || first === this.#welcomed || !known) {
          socket.destroy();
          return;
        }
        this.#take(message);
        if (first) {
          clearTimeout(silent);
          resolve(true);
        }
      });
    });
  }

  ask(command: RunCommand): Promise<string | null> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (socket === null || socket.destroyed) {
        reject(new Error("the run has ended"));
        return;
      }
      const silent = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`the run's controller, process ${this.pid}, does not answer`));
      }, limit.answer);
      const answered = () => clearTimeout(silent);
      this.#waiting.set(id, {
        resolve: (refused) => {
          answered();
          resolve(refused);
        },
        reject: (error) => {
          answered();
          reject(error);
        },
      });
      writeLine(socket, { id, command });
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(message: RunMessage): void {
    switch (message.kind) {
      case "hello":
        this.#welcomed = true;
        this.pid = message.pid;
        for (const one of message.progress) {
          this.events.onProgress(one);
        }
        return;
      case "journal":
        this.events.onJournal();
        return;
      case "progress":
        this.events.onProgress(message);
        return;
      case "answer":
        this.#waiting.get(message.id)?.resolve(message.refused);
        this.#waiting.delete(message.id);
    }
  }

  #over(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new Error("the run ended before it answered"));
    }
    this.#waiting.clear();
    if (this.#welcomed) {
      this.events.onClosed();
    }
  }
}

function messageOf(line: string): RunMessage | null {
  try {
    return runMessage.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
