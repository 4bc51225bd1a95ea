/** The time that a worker may take to start: it does not run while a queue holds the worker. */
import { askLauncher } from "./launcher-command.js";
import type { LaunchQueue } from "./launchers/launch-plan.js";

/** How often a queue is asked for its state while a worker waits in it. It serves all its users. */
const STATE_MS = 30_000;

export interface StartEvents {
  /** The time is over, and the worker has said nothing. */
  over(): void;
  /** It waits in a queue: called with what is known of that, and again with each change. */
  waiting(state: string): void;
}

export class StartWatch {
  #limit: NodeJS.Timeout | null = null;
  #asking: NodeJS.Timeout | null = null;
  #state: string | null = null;
  #ended = false;

  constructor(
    private readonly queue: LaunchQueue | null,
    private readonly milliseconds: number,
    private readonly events: StartEvents,
  ) {
    this.#runs();
  }

  /** @param lines - Whole ones of the launcher's stderr. */
  hear(lines: string): void {
    if (this.#ended || this.queue === null) {
      return;
    }
    for (const line of lines.split("\n")) {
      const turn = this.queue.turn(line);
      if (turn === "waits") {
        this.#waits(line.trim());
      } else if (turn === "runs") {
        this.#runs();
      }
    }
  }

  /** The worker has said something, or never will. */
  end(): void {
    this.#ended = true;
    this.#stop();
  }

  #runs(): void {
    this.#stop();
    this.#limit = setTimeout(() => this.events.over(), this.milliseconds);
  }

  #waits(line: string): void {
    this.#stop();
    this.#tell(line);
    const { state } = this.queue!;
    if (state === null) {
      return;
    }
    const ask = async () => {
      const answer = await askLauncher(state);
      if (this.#asking === asking && answer.code === 0 && answer.line !== "") {
        this.#tell(answer.line);
      }
    };
    const asking = setInterval(() => void ask(), STATE_MS);
    this.#asking = asking;
    void ask();
  }

  #tell(state: string): void {
    if (state !== this.#state) {
      this.#state = state;
      this.events.waiting(state);
    }
  }

  #stop(): void {
    clearTimeout(this.#limit ?? undefined);
    clearInterval(this.#asking ?? undefined);
    this.#limit = null;
    this.#asking = null;
  }
}
