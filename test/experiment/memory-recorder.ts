/** A recorder that keeps everything in memory; only what a worker writes lies in a folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evaluation } from "../../src/experiment/evaluation.js";
import type { Happening, JournalEvent } from "../../src/experiment/events.js";
import type { Recorder } from "../../src/experiment/ports.js";

export class MemoryRecorder implements Recorder {
  readonly directory = mkdtempSync(join(tmpdir(), "averse-memory-"));
  readonly events: JournalEvent[] = [];
  readonly samples = new Map<string, readonly object[]>();
  readonly completed: string[] = [];
  evaluation: Evaluation | null = null;
  #folders = 0;

  /** Through JSON, as a reader of a journal would get it. */
  append(trial: string | null, happening: Happening): JournalEvent {
    const stamp = { seq: this.events.length + 1, time: "2026-01-01T00:00:00.000Z", trial };
    const event = JSON.parse(JSON.stringify({ ...stamp, ...happening })) as JournalEvent;
    this.events.push(event);
    return event;
  }

  prepare(): string {
    this.#folders += 1;
    return mkdtempSync(join(this.directory, `part-${this.#folders}-`));
  }

  complete(trial: string, part: "checkpoint" | "model", step: number): string {
    const path = `trials/${trial}/${part}-${step}`;
    this.completed.push(path);
    return path;
  }

  writeSamples(trial: string, step: number, samples: readonly object[]): string {
    const path = `trials/${trial}/samples-${step}`;
    this.samples.set(path, samples);
    return path;
  }

  writeEvaluation(evaluation: Evaluation): void {
    this.evaluation = evaluation;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
