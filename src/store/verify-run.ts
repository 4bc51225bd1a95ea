/** Whether a run's record is what was written: every file that its manifest, its journal or a list of digests vouches for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RecordError } from "../system/record-error.js";
import { sha256Of, sha256OfFile } from "../system/sha256.js";
import { digestsText } from "./digests.js";
import { readEvaluation } from "./evaluation-file.js";
import {
  halfDoneCompletions,
  KeptParts,
  unexpectedAmongCheckpoints,
  unnamedCompletions,
} from "./leftovers.js";
import { type Manifest, readManifest } from "./manifest/manifest.js";
import { type Part, PartCheck } from "./part-check.js";
import { checkedPath, digestListOf, runFiles } from "./paths.js";
import { holderOf } from "./run-lock.js";
import { checkJournal } from "./verify-journal.js";

export interface Verification {
  readonly parts: readonly PartCheck[];
  /** Read. */
  readonly bytes: number;
}

/**
 * Checks all of it: one fault does not end the check. Of a run that continues, a last line of the
 * journal that is being written is none, and a checkpoint that is gone by now neither.
 *
 * @param run the run folder
 * @param onBytes is told how much was read so far, and of what
 */
export async function verifyRun(
  run: string,
  onBytes: (total: number, part: Part) => void = () => {},
): Promise<Verification> {
  let bytes = 0;
  const parts: PartCheck[] = [];
  const begin = (part: Part): PartCheck => {
    const check = new PartCheck(run, part, (read) => {
      bytes += read;
      onBytes(bytes, part);
    });
    parts.push(check);
    return check;
  };
  const running = isRunning(run, () => begin("lock"));
  const manifest = await checkManifest(run, begin("manifest"));
  const { kept, whole } = await checkEvents(run, begin("journal"), manifest, running);
  await checkEvaluation(run, begin("evaluation"), manifest);

  const episodes = begin("episodes");
  for (const [file, sha256] of kept.episodes) {
    await episodes.file(file, sha256);
  }
  await checkCompletions(run, begin("completions"), manifest, kept, running || !whole);
  // Where events are missing, or more of them happen just now, a folder may be gone with reason.
  const excused = running || !whole;
  const checkpoints = begin("checkpoints");
  for (const [path, digest] of kept.checkpoints) {
    await checkpoints.folder(path, digest, excused);
  }
  for (const path of unexpectedAmongCheckpoints(run)) {
    checkpoints.found(path, "unexpected file: no run writes this name here");
  }
  const models = begin("models");
  for (const [path, files] of kept.models) {
    await models.folder(path, sha256Of(digestsText(files)), excused);
  }
  const samples = begin("samples");
  for (const path of kept.samples) {
    const file = await samples.attempt(path, async () => checkedPath(path));
    if (file !== null) {
      await samples.listed(digestListOf(file), [file]);
    }
  }
  await begin("reports").listed(digestListOf(runFiles.reportHtml), [
    runFiles.reportHtml,
    runFiles.reportMarkdown,
  ]);
  return { parts, bytes };
}

/** One that cannot be read keeps nothing else from being checked; then nobody is at work. */
function isRunning(run: string, begin: () => PartCheck): boolean {
  try {
    return holderOf(run) !== null;
  } catch (error) {
    if (!(error instanceof RecordError)) {
      throw error;
    }
    begin().found(runFiles.lock, error.message.replaceAll(join(run, "/"), ""));
    return false;
  }
}

async function checkManifest(run: string, check: PartCheck): Promise<Manifest | null> {
  return check.attempt(runFiles.manifest, async () => {
    // Read twice, so that the bytes count; it is small.
    await sha256OfFile(join(run, runFiles.manifest), check.onBytes);
    const manifest = readManifest(run);
    check.sound += 1;
    return manifest;
  });
}

/** @returns whole: every event that the journal ever had is there */
async function checkEvents(
  run: string,
  check: PartCheck,
  manifest: Manifest | null,
  running: boolean,
): Promise<{ kept: KeptParts; whole: boolean }> {
  const kept = new KeptParts();
  const end = manifest?.results.journal ?? null;
  let checksumThere: string | null = null;
  let resumed = false;
  const journal = await check.attempt(runFiles.journal, () =>
    checkJournal(
      run,
      running,
      (event, checksum) => {
        kept.take(event);
        if (event.seq === end?.events) checksumThere = checksum;
        resumed ||= event.seq - 1 === end?.events && event.type === "run_resumed";
      },
      check.onBytes,
    ),
  );
  check.sound = journal?.events ?? 0;
  for (const { line, message } of journal?.faults ?? []) {
    check.found(runFiles.journal, message, line);
  }
  if (journal?.faults.length === 0 && end !== null) {
    if (checksumThere !== end.checksum) {
      const known = `the manifest records ${end.events}, the last with checksum ${end.checksum}`;
      const has = `it has ${journal.events} events, the last with checksum ${journal.checksum}`;
      check.found(runFiles.journal, `${has}; ${known}`);
    } else if (journal.events > end.events && !resumed) {
      const more = journal.events - end.events;
      check.found(runFiles.journal, `${more} events follow the end of the run`, end.events + 1);
    }
  }
  return { kept, whole: journal !== null && check.findings.length === 0 };
}

/** @param excused files that no event names may have one that is missing, or comes yet */
async function checkCompletions(
  run: string,
  check: PartCheck,
  manifest: Manifest | null,
  kept: KeptParts,
  excused: boolean,
): Promise<void> {
  for (const [file, sha256] of kept.completions) {
    await check.file(file, sha256);
  }
  // Of another version's configuration as well.
  const { completions } = (manifest?.config.record ?? {}) as { completions?: string };
  const keepsNone = completions === "none";
  const older = [...kept.olderCompletions].filter((file) => existsSync(join(run, file)));
  check.unchecked.push(...(keepsNone ? [] : older));
  // A controller that died, or is at work, has written a file before the event that names it.
  const comesYet = (path: string) => (excused || !kept.over) && halfDoneCompletions.test(path);
  const unnamed = unnamedCompletions(run, kept).filter((path) => !comesYet(path));
  for (const path of [...(keepsNone ? older : []), ...unnamed]) {
    check.found(path, "unexpected file: no event of the journal names it");
  }
}

async function checkEvaluation(
  run: string,
  check: PartCheck,
  manifest: Manifest | null,
): Promise<void> {
  const file = runFiles.evaluation;
  const digest = manifest?.results.evaluation_sha256 ?? null;
  if (digest !== null) {
    await check.file(file, digest);
  } else if (existsSync(join(run, file))) {
    await check.attempt(file, async () => {
      readEvaluation(run);
      if (manifest !== null && manifest.results.journal !== null) {
        check.found(file, "unexpected file: the manifest is complete and does not list it");
      } else {
        check.sound += 1;
      }
    });
  }
}
