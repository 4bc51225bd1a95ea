/**
 * The stages that a run has used, under this controller or one before. A trial that loads later
 * uses the same results: figures of two reward models are no run.
 */
import type { JournalEvent } from "../journal/events.js";

export class RecordedStages {
  /** Stage → digest of its artifact. */
  readonly #digests = new Map<string, string>();

  /** To be told of every event, in order. Of a stage the first word stands. */
  take(event: JournalEvent): void {
    if (event.type === "stage_ready" && !this.#digests.has(event.name)) {
      this.#digests.set(event.name, event.digest);
    }
  }

  /** @returns null: this run has not used it yet */
  digest(name: string): string | null {
    return this.#digests.get(name) ?? null;
  }
}
