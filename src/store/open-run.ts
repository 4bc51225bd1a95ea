/** A run that another controller left, taken up again. */
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { JournalEvent } from "../journal/events.js";
import { readJournal, recoverJournal } from "../journal/reader.js";
import { JournalWriter } from "../journal/writer.js";
import { RecordError } from "../system/record-error.js";
import { evaluationDigest } from "./evaluation-file.js";
import { KeptParts, removeLeftovers } from "./leftovers.js";
import {
  missingEvents,
  type Provenance,
  readManifest,
  writeManifest,
} from "./manifest/manifest.js";
import { completedManifest, manifestAfter } from "./manifest/progress.js";
import { runFiles } from "./paths.js";
import { DiskRecorder, type RunRecorder } from "./recorder.js";
import { lockRun } from "./run-lock.js";
import { RunProgress } from "./run-progress.js";

type Finish = Extract<JournalEvent, { type: "run_finished" }>;

export interface OpenedRun {
  /** Continues after the last event. */
  readonly recorder: RunRecorder;
  /** The journal from its first event; read from disk at every call, one line in memory. */
  events(): AsyncIterable<JournalEvent>;
  /** Of a torn last line, cut off the journal; 0: it was whole. */
  readonly cutBytes: number;
}

/**
 * Locks a run, checks its whole journal, cuts off a torn last line and removes what a controller
 * that died left half done. A run that is done is opened as any other.
 *
 * @param directory the run folder
 * @param provenance of this controller; the manifest keeps what differs from the first one's
 * @param now the time of day
 * @throws {RecordError} `missing`: no run is there · `locked`: another controller has it ·
 *   `damaged`: manifest or journal; nothing was changed then, and the run is not locked
 */
export async function openRun(
  directory: string,
  provenance: Provenance,
  now: () => Date,
): Promise<OpenedRun> {
  const run = resolve(directory);
  // Before the lock, which would make a folder where there is no run.
  readManifest(run);
  const lock = lockRun(run, now);
  try {
    // Again: the owner before may have just completed it.
    const written = readManifest(run);
    let manifest = written;
    let finish = null as Finish | null;
    const kept = new KeptParts();
    const progress = new RunProgress();
    const { end, cutBytes } = await recoverJournal(run, (event) => {
      kept.take(event);
      progress.take(event);
      manifest = manifestAfter(manifest, event);
      finish = event.type === "run_finished" ? event : null;
    });
    // Of a journal that was emptied every checkpoint would be a leftover.
    const missing = missingEvents(written, end.seq);
    if (missing !== null) throw new RecordError("damaged", `${run}: ${missing}`);
    removeLeftovers(run, kept);
    const journal = new JournalWriter(join(run, runFiles.journal), now, end);
    if (finish !== null) {
      const { seq: events, checksum } = end;
      const evaluation = evaluationDigest(run);
      manifest = completedManifest(manifest, finish, { events, checksum }, evaluation);
    }
    // The journal runs ahead of the manifest by the event that the controller died after.
    if (!isDeepStrictEqual(manifest, written)) {
      writeManifest(run, manifest);
    }
    const recorder = new DiskRecorder({
      directory: run,
      manifest,
      provenance,
      journal,
      progress,
      lock,
      now,
    });
    return { recorder, events: () => readJournal(run), cutBytes };
  } catch (error) {
    lock.abandon();
    throw error;
  }
}
