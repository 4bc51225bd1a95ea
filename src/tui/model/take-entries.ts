/** The journal folded into the model, a batch at a time; any split into batches gives the same. */
import type { JournalEntry } from "../../experiment/event-head.js";
import { logLineOf } from "./log-line.js";
import type { LogLine, RunModel, TrialModel } from "./run-model.js";
import { draftOf, goBack, type TrialDraft, takeTrialEvent } from "./trial-draft.js";
import { unknownTrial } from "./trial-model.js";

/** @param entries in the journal's order, after those that the model has */
export function takeEntries(model: RunModel, entries: readonly JournalEntry[]): RunModel {
  if (entries.length === 0) {
    return model;
  }
  const batch = new Batch(model);
  for (const entry of entries) {
    batch.take(entry);
  }
  return batch.model();
}

class Batch {
  #run: RunModel;
  /** In the plan's order. */
  readonly #trials = new Map<string, TrialModel>();
  readonly #drafts = new Map<string, TrialDraft>();
  readonly #log: LogLine[] = [];

  constructor(before: RunModel) {
    this.#run = before;
    for (const trial of before.trials) {
      this.#trials.set(trial.id, trial);
    }
  }

  take(entry: JournalEntry): void {
    const { head } = entry;
    if (head.trial === null) {
      this.#takeRunEvent(entry);
    } else {
      takeTrialEvent(this.#draft(head.trial), entry);
    }
    const line = logLineOf(head);
    if (line !== null) {
      this.#log.push(line);
    }
    const { startedAt } = this.#run;
    this.#run = { ...this.#run, startedAt: startedAt ?? head.time, lastAt: head.time };
  }

  model(): RunModel {
    const log = this.#log.length === 0 ? this.#run.log : [...this.#run.log, ...this.#log];
    const trials = Array.from(this.#trials, ([id, trial]) => this.#drafts.get(id) ?? trial);
    return { ...this.#run, trials, log };
  }

  #takeRunEvent({ head }: JournalEntry): void {
    switch (head.type) {
      case "run_started":
        this.#run = { ...this.#run, name: head.name, parallel: head.parallel, state: "running" };
        for (const id of head.trials) {
          this.#draft(id);
        }
        return;
      case "run_resumed":
        this.#run = { ...this.#run, parallel: head.parallel, state: "running", message: "" };
        for (const [id, from] of Object.entries(head.from)) {
          const draft = this.#draft(id);
          goBack(draft, from);
          draft.status = "waiting";
          draft.restarts = 0;
        }
        return;
      case "paused":
      case "continued":
        this.#run = { ...this.#run, state: head.type === "paused" ? "paused" : "running" };
        return;
      case "stop_requested":
        this.#run = { ...this.#run, state: "stopping" };
        return;
      case "run_finished":
        this.#run = { ...this.#run, state: head.outcome, message: head.message };
    }
  }

  #draft(id: string): TrialDraft {
    let draft = this.#drafts.get(id);
    if (draft === undefined) {
      const before = this.#trials.get(id) ?? unknownTrial(id);
      draft = draftOf(before);
      this.#drafts.set(id, draft);
      this.#trials.set(id, before);
    }
    return draft;
  }
}
