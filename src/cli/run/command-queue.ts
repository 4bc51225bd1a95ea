/** Where commands of views and scripts come in, and the engine takes them while it runs. */
import type { RunCommand } from "../../engine/commands.js";
import type { CommandSource } from "../../engine/ports.js";

export class CommandQueue {
  #listener: ((command: RunCommand) => string | null) | null = null;
  /** Requested before the engine was ready: it first reads the journal, which may take long. */
  #early: RunCommand | null = null;
  #begun = false;

  /** For the engine. */
  readonly source: CommandSource = (listener) => {
    this.#listener = listener;
    this.#begun = true;
    const early = this.#early;
    if (early !== null) queueMicrotask(() => void this.#listener?.(early));
    return () => {
      this.#listener = null;
    };
  };

  /** @returns null: it is carried out; or why it does not apply */
  ask(command: RunCommand): string | null {
    if (this.#listener !== null) return this.#listener(command);
    if (!this.#begun && (command === "stop" || command === "abort")) {
      this.#early = command;
      return null;
    }
    return "the run is just starting or ending";
  }
}
