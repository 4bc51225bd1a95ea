/** What the journal says lies in a run folder, and what a run that died leaves beside it. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { JournalEvent, StepEvent } from "../journal/events.js";
import { recordError } from "../system/record-error.js";
import { removeTree } from "./complete-folder.js";
import { completionsFile } from "./paths.js";

/**
 * Removes half-written and half-removed folders, and checkpoints and completions that no event names:
 * each would be written again before anything reads it.
 *
 * @param run the run folder, locked by the caller
 * @param kept what the journal says lies there
 * @throws {RecordError}
 */
export function removeLeftovers(run: string, kept: KeptParts): void {
  for (const trial of namesIn(run, "trials")) {
    const folder = `trials/${trial}`;
    const halves = namesIn(run, folder).filter((name) => /\.(partial|removed)$/.test(name));
    const checkpoints = namesIn(run, `${folder}/checkpoints`).map((name) => `checkpoints/${name}`);
    for (const path of [...halves, ...checkpoints].map((name) => `${folder}/${name}`)) {
      if (!kept.checkpoints.has(path)) {
        removeTree(join(run, path));
      }
    }
  }
  for (const path of unnamedCompletions(run, kept)) {
    // Anything else was put there by somebody: `averse verify` tells of it.
    if (halfDoneCompletions.test(path)) removeTree(join(run, path));
  }
}

/** As a controller that died between the file and its event leaves them. */
export const halfDoneCompletions = /\/step-\d{6,}(-\d+)?\.parquet(\.tmp)?$/;

/**
 * What lies among kept completions and is in no event, relative to the run folder; without hidden
 * files.
 *
 * @throws {RecordError}
 */
export function unnamedCompletions(run: string, kept: KeptParts): string[] {
  return namesIn(run, "trials").flatMap((trial) => {
    const folder = `trials/${trial}/completions`;
    return namesIn(run, folder)
      .filter((name) => !name.startsWith("."))
      .map((name) => `${folder}/${name}`)
      .filter((path) => !kept.completions.has(path) && !kept.olderCompletions.has(path));
  });
}

/**
 * What lies among checkpoints and can neither be one nor be left of one, relative to the run folder.
 * Hidden files are the file system's own, of NFS say.
 *
 * @throws {RecordError}
 */
export function unexpectedAmongCheckpoints(run: string): string[] {
  return namesIn(run, "trials").flatMap((trial) => {
    const folder = `trials/${trial}/checkpoints`;
    return namesIn(run, folder)
      .filter((name) => !/^(\..*|step-\d{6,}(\.partial|\.removed)?)$/.test(name))
      .map((name) => `${folder}/${name}`);
  });
}

function namesIn(run: string, folder: string): string[] {
  const path = join(run, folder);
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path) : [];
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}

/** What the journal says lies complete in the run folder. */
export class KeptParts {
  /** Path relative to the run folder → sha256 of its digest file. */
  readonly checkpoints = new Map<string, string>();
  /** Path → file in it → sha256. */
  readonly models = new Map<string, Readonly<Record<string, string>>>();

  /** Side file of a step's episodes → sha256. */
  readonly episodes = new Map<string, string>();

  /** File of a step's completions → sha256. */
  readonly completions = new Map<string, string>();

  /** Where completions of a version whose events did not name them may lie. */
  readonly olderCompletions = new Set<string>();

  /** Texts that evaluations kept: a file's digest lies beside it. */
  readonly samples = new Set<string>();

  /** The last event ends the run. */
  over = false;

  /** To be told of every event, in order. */
  take(event: JournalEvent): void {
    this.over = event.type === "run_finished";
    if (event.type === "checkpoint_saved") {
      this.checkpoints.set(event.path, event.digest);
    } else if (event.type === "checkpoint_dropped" || event.type === "checkpoint_damaged") {
      this.checkpoints.delete(event.path);
    } else if (event.type === "model_exported") {
      this.models.set(event.path, event.files);
    } else if (event.type === "step") {
      this.#takeStep(event);
    } else if (event.type === "evaluated" && event.samples !== null) {
      this.samples.add(event.samples);
    }
  }

  #takeStep({ trial, step, episodes, completions }: StepEvent): void {
    if ("file" in episodes) {
      this.episodes.set(episodes.file, episodes.sha256);
    }
    if (completions === undefined) {
      this.olderCompletions.add(completionsFile(trial!, step, 1));
    } else if (completions !== null) {
      this.completions.set(completions.file, completions.sha256);
    }
  }
}
