/** A runs folder of its own for every test, gone afterwards; and what a run is made of. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Provenance } from "../../src/store/manifest/manifest.js";
import { type OpenedRun, openRun } from "../../src/store/open-run.js";
import type { RunRecorder } from "../../src/store/recorder.js";
import { createRun, type RunOptions } from "../../src/store/run-folder.js";
import { smallExperiment } from "../engine/experiments.js";

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "averse-record-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A second passes with every reading. */
export function tickingClock(): () => Date {
  let seconds = 0;
  return () => {
    seconds += 1;
    return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));
  };
}

export function provenance(changes: Partial<Provenance> = {}): Provenance {
  return {
    origins: { "training.batch": "file" },
    written_paths: {},
    command: ["run", "small"],
    versions: { averse: "0.1.0", node: "20" },
    git: { commit: "abc", diff_sha256: null },
    lock_files: {},
    hardware: { cores: 2 },
    environment: {},
    process: { pid: process.pid, host: "here" },
    ...changes,
  };
}

/** Opened again, and closed after the test. */
export async function reopened(directory: string): Promise<OpenedRun> {
  const run = await openRun(directory, provenance(), tickingClock());
  onTestFinished(() => run.recorder.close());
  return run;
}

export function newRun(changes: Partial<RunOptions> = {}): RunRecorder {
  const recorder = createRun({
    experiment: smallExperiment(),
    runsFolder: temporaryFolder(),
    runDir: null,
    provenance: provenance(),
    artifacts: null,
    now: tickingClock(),
    ...changes,
  });
  onTestFinished(() => recorder.close());
  return recorder;
}

/** Of the last line of a run's journal. */
export function lastChecksum(run: string): string {
  return /"checksum":"(\w+)"\}\n$/.exec(readFileSync(join(run, "journal.jsonl"), "utf8"))![1]!;
}
