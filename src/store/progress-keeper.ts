import { RecordError } from "../system/record-error.js";
import { JournalGlance } from "./journal-summary.js";

/** Keeps progress.json not far behind the journal's end. For the journal's writer. */
export class ProgressKeeper {
  readonly #glance: JournalGlance;
  /** Bytes of the journal when it was last saved. */
  #bytes = 0;

  /**
   * @param run the run folder
   * @param every bytes of journal from one saving to the next: what a list has to read
   */
  constructor(
    run: string,
    private readonly every = 256 << 10,
  ) {
    this.#glance = new JournalGlance(run);
  }

  /** @param bytes of the journal, all of them on disk */
  follow(bytes: number): void {
    if (bytes - this.#bytes < this.every) return;
    this.#bytes = bytes;
    try {
      this.#glance.read();
      this.#glance.save();
    } catch (error) {
      // A full disk, say: a list reads on from what was saved before, and the run goes on.
      if (!(error instanceof RecordError)) throw error;
    }
  }
}
