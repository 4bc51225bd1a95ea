/** The journal folded into the model, a batch at a time; any split into batches gives the same. */
import type { JournalEntry } from "../journal/event-head.js";
import { logLineOf } from "./event-words.js";
import {
  hasEnded,
  type LogLine,
  type LossCurve,
  type Phase,
  type RunModel,
  secondsToLastEvent,
  type TrialModel,
  unknownTrial,
} from "./run-model.js";
import type { ProgressObservation } from "./run-source.js";
import { draftOf, endsWork, goBack, type TrialDraft, takeTrialEvent } from "./trial-draft.js";

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
      if (endsWork(head)) {
        this.#workEnded(head.trial);
      }
    }
    const line = logLineOf(head);
    if (line !== null) {
      this.#log.push(line);
    }
    const { startedAt, takenUpAt } = this.#run;
    this.#run = {
      ...this.#run,
      startedAt: startedAt ?? head.time,
      takenUpAt: takenUpAt ?? head.time,
      lastAt: head.time,
    };
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
        this.#run = {
          ...this.#run,
          parallel: head.parallel,
          state: "running",
          message: "",
          inHand: [],
          secondsBefore: secondsToLastEvent(this.#run),
          takenUpAt: head.time,
        };
        for (const [id, from] of Object.entries(head.from)) {
          const draft = this.#draft(id);
          goBack(draft, from);
          draft.status = "waiting";
          draft.restarts = 0;
        }
        return;
      case "paused":
        this.#run = { ...this.#run, state: "paused", inHand: this.#working() };
        return;
      case "continued":
        this.#run = { ...this.#run, state: "running", inHand: [] };
        return;
      case "checkpoint_requested":
      case "evaluation_requested":
        if (this.#run.state === "paused") {
          // A paused trial still runs requested actions.
          const inHand = new Set([...this.#run.inHand, ...head.trials]);
          this.#run = { ...this.#run, inHand: [...inHand] };
        }
        return;
      case "points_dropped":
        for (const [id, { arm, status }] of this.#trials) {
          if (head.dropped.includes(arm) && status === "waiting")
            this.#draft(id).status = "dropped";
        }
        return;
      case "stop_requested":
        this.#run = { ...this.#run, state: "stopping" };
        return;
      case "run_finished":
        this.#run = { ...this.#run, state: head.outcome, message: head.message };
    }
  }

  #working(): string[] {
    return [...this.#trials.keys()].filter((id) => {
      const { status } = this.#drafts.get(id) ?? this.#trials.get(id)!;
      return status === "running";
    });
  }

  #workEnded(id: string): void {
    if (this.#run.inHand.includes(id)) {
      const inHand = this.#run.inHand.filter((other) => other !== id);
      this.#run = { ...this.#run, inHand };
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

/**
 * Takes in what a trial is doing between two events of the journal.
 *
 * @param now seconds since 1970
 * @returns the very same model where the progress comes too late to say anything
 */
export function takeProgress(
  model: RunModel,
  { trial: id, phase: name, done, total, unit, loss }: ProgressObservation,
  now: number,
): RunModel {
  const at = model.trials.findIndex((trial) => trial.id === id);
  const before = model.trials[at] ?? unknownTrial(id);
  if (hasEnded(before)) {
    return model;
  }
  const since = before.phase?.name === name ? before.phase.since : now;
  const status = before.status === "waiting" ? "starting" : before.status;
  const phase = { name, done, total, unit, since };
  const after: TrialModel = { ...before, status, phase, loss: lossAfter(before, phase, loss) };
  const trials = at < 0 ? [...model.trials, after] : model.trials.with(at, after);
  return { ...model, trials };
}

/** Points of a curve that is heard; beyond that every second is dropped. */
const mostHeard = 1000;

/** @param loss after the last of the phase's steps; null: there is none yet */
function lossAfter(
  before: Pick<TrialModel, "loss">,
  { name: phase, done }: Pick<Phase, "name" | "done">,
  loss: number | null,
): LossCurve | null {
  if (loss === null) {
    return before.loss;
  }
  // Which stage it is was journaled when its training began.
  const name = phase === "sft" ? "SFT" : (before.loss?.name ?? phase);
  // Done again from its start, after a worker was lost.
  const past = (before.loss?.name === name ? before.loss.points : []).filter(
    ({ step }) => step < done,
  );
  const kept = past.length < mostHeard ? past : past.filter((_, at) => at % 2 === 0);
  return { name, points: [...kept, { step: done, loss, held_out: null }] };
}
