/** A recorder that keeps everything in memory; only what a worker writes lies in a folder. */
import { linkSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evaluation } from "../../src/analysis/evaluation.js";
import type {
  CompletePart,
  EpisodeText,
  KeptCompletion,
  Position,
  Recorder,
  StoredArtifact,
} from "../../src/engine/ports.js";
import type { CompletionsFile, EventPayload, JournalEvent } from "../../src/journal/events.js";
import { RecordError } from "../../src/system/record-error.js";
import { MemoryArtifacts } from "./memory-artifacts.js";

export class MemoryRecorder implements Recorder {
  readonly directory = mkdtempSync(join(tmpdir(), "averse-memory-"));
  readonly events: JournalEvent[] = [];
  readonly samples = new Map<string, readonly object[]>();
  /** `rlhf-s0 3` → texts of that step. */
  readonly texts = new Map<string, readonly EpisodeText[]>();
  /** Path as the journal has it → the folder that the worker wrote. */
  readonly completed = new Map<string, string>();
  readonly positions = new Map<string, Position>();
  readonly stacks: string[] = [];
  readonly artifacts = new MemoryArtifacts(this.directory);
  evaluation: Evaluation | null = null;
  readonly #prepared = new Map<string, string>();

  /** Through JSON, as a reader of a journal would get it. */
  append(trial: string | null, eventPayload: EventPayload): JournalEvent {
    const stamp = { seq: this.events.length + 1, time: "2026-01-01T00:00:00.000Z", trial };
    const event = JSON.parse(JSON.stringify({ ...stamp, ...eventPayload })) as JournalEvent;
    this.events.push(event);
    return event;
  }

  prepare(trial: string, part: "checkpoint" | "model", step: number): string {
    const folder = mkdtempSync(join(this.directory, "part-"));
    this.#prepared.set(pathOf(trial, part, step), folder);
    return folder;
  }

  complete(
    trial: string,
    part: "checkpoint" | "model",
    step: number,
    _files: Readonly<Record<string, string>>,
    position?: Position,
  ): CompletePart {
    const path = pathOf(trial, part, step);
    this.completed.set(path, this.#prepared.get(path)!);
    if (position !== undefined) {
      this.positions.set(path, position);
    }
    return { path, digest: `digest of ${path}` };
  }

  link({ folder: from, files }: StoredArtifact, folder: string): boolean {
    for (const name of Object.keys(files)) linkSync(join(from, name), join(folder, name));
    return true;
  }

  abandon(): void {}

  remove(path: string): void {
    this.completed.delete(path);
  }

  async intact(path: string, digest: string): Promise<string> {
    const folder = this.completed.get(path);
    if (folder === undefined || digest !== `digest of ${path}`) {
      throw new RecordError("damaged", `${path} is not what was written`);
    }
    return folder;
  }

  async intactModel(path: string): Promise<string> {
    if (!this.completed.has(path)) {
      throw new RecordError("damaged", `${path} is not what was written`);
    }
    return join(this.directory, path);
  }

  writeStacks(_trial: string, text: string): string {
    this.stacks.push(text);
    return `logs/stacks-${this.stacks.length}.txt`;
  }

  writeSamples(trial: string, step: number, samples: readonly object[]): string {
    const path = `trials/${trial}/samples-${step}`;
    this.samples.set(path, samples);
    return path;
  }

  readonly completions = new Map<string, readonly KeptCompletion[]>();

  writeCompletions(trial: string, step: number, rows: readonly KeptCompletion[]): CompletionsFile {
    this.completions.set(`${trial} ${step}`, rows);
    const file = `trials/${trial}/completions-${step}`;
    return { file, sha256: `digest of ${file}`, rows: rows.length };
  }

  writeTexts(trial: string, step: number, texts: readonly EpisodeText[]): void {
    this.texts.set(`${trial} ${step}`, texts);
  }

  writeEvaluation(evaluation: Evaluation): void {
    this.evaluation = evaluation;
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function pathOf(trial: string, part: "checkpoint" | "model", step: number): string {
  return `trials/${trial}/${part}-${step}`;
}
