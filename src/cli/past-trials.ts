/** The trials of earlier runs, for estimates: a few runs of each experiment, each read once. */
import type { RunSummary } from "../experiment/run-summary.js";
import { JournalIndex } from "../record/journal-index.js";
import { readManifest } from "../record/manifest.js";
import { experimentOf } from "../record/manifest-experiment.js";
import { RecordError } from "../record/record-error.js";
import type { PastTrial } from "./time-estimate.js";
import { noTimes, timesAfter } from "./trial-times.js";

/** Runs of one experiment that are gone by: the newest say how fast the machine is now. */
const runsOfEach = 3;

export class PastTrials {
  readonly #read = new Map<string, readonly PastTrial[]>();

  /**
   * Of the runs that are done. One that cannot be read tells nothing, and the list of runs says why.
   *
   * @param runs newest first
   */
  async of(
    runs: readonly Pick<RunSummary, "directory" | "name" | "state">[],
  ): Promise<PastTrial[]> {
    const taken = new Map<string, number>();
    const trials: PastTrial[] = [];
    for (const { directory, name, state } of runs) {
      const count = taken.get(name) ?? 0;
      if (state === "done" && count < runsOfEach) {
        taken.set(name, count + 1);
        const known = this.#read.get(directory) ?? (await trialsOf(directory));
        this.#read.set(directory, known);
        trials.push(...known);
      }
    }
    return trials;
  }
}

async function trialsOf(directory: string): Promise<PastTrial[]> {
  try {
    const { name, backend } = experimentOf(readManifest(directory));
    let times = noTimes;
    for (const entries of new JournalIndex(directory).read()) {
      for (const { head } of entries) {
        times = timesAfter(times, head);
      }
      // Between two pieces of a long journal the screen answers keys.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const { worker, device } = backend;
    return times.done.map((time) => ({ ...time, name, worker, device }));
  } catch (error) {
    if (error instanceof RecordError) {
      return [];
    }
    throw error;
  }
}
