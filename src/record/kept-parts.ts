/** What the journal says lies complete in the run folder. */
import type { JournalEvent } from "../experiment/events.js";

export class KeptParts {
  /** Path relative to the run folder → sha256 of its digest file. */
  readonly checkpoints = new Map<string, string>();
  /** Path → file in it → sha256. */
  readonly models = new Map<string, Readonly<Record<string, string>>>();

  /** Side file of a step's episodes → sha256. */
  readonly episodes = new Map<string, string>();

  /** Texts that evaluations kept: a file's digest lies beside it. */
  readonly samples = new Set<string>();

  /** To be told of every event, in order. */
  take(event: JournalEvent): void {
    if (event.type === "checkpoint_saved") {
      this.checkpoints.set(event.path, event.digest);
    } else if (event.type === "checkpoint_dropped" || event.type === "checkpoint_damaged") {
      this.checkpoints.delete(event.path);
    } else if (event.type === "model_exported") {
      this.models.set(event.path, event.files);
    } else if (event.type === "step" && "file" in event.episodes) {
      this.episodes.set(event.episodes.file, event.episodes.sha256);
    } else if (event.type === "evaluated" && event.samples !== null) {
      this.samples.add(event.samples);
    }
  }
}
