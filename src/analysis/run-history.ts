/**
 * What a run computed, out of its journal: the figures of every trial that another run of the same
 * configuration must give again. Times, memory, the GPU's state, process ids and paths are left out, and so is a
 * stretch that was done again after a crash or a resume: the later event of a step counts.
 */

import { isFrontierStep, type Trial } from "../config/trials.js";
import type { JournalEvent } from "../journal/events.js";

/** An event's figures, without what no second run can repeat. */
export type Figures = Readonly<Record<string, unknown>>;

export interface TrialHistory {
  readonly sft: Figures | null;
  /** By m, from 0. */
  readonly steps: ReadonlyMap<number, Figures>;
  /** Evaluations on the way, by iterations done. */
  readonly frontier: ReadonlyMap<number, Figures>;
  readonly final: Figures | null;
  /** Exported model: file → sha256. */
  readonly model: Figures | null;
}

export type RunHistory = ReadonlyMap<string, TrialHistory>;

const nothing: TrialHistory = {
  sft: null,
  steps: new Map(),
  frontier: new Map(),
  final: null,
  model: null,
};

/**
 * @param trials in the order in which they are to be compared; others are left out
 * @param events of a whole journal
 */
export async function runHistory(
  trials: readonly string[],
  events: AsyncIterable<JournalEvent> | Iterable<JournalEvent>,
): Promise<RunHistory> {
  const steps = new Map(trials.map((id) => [id, new Map<number, Figures>()]));
  const frontiers = new Map(trials.map((id) => [id, new Map<number, Figures>()]));
  const found = new Map(
    trials.map((id) => [id, { ...nothing, steps: steps.get(id)!, frontier: frontiers.get(id)! }]),
  );
  for await (const event of events) {
    const trial = found.get(event.trial ?? "");
    if (event.trial === null || trial === undefined) {
      continue;
    }
    switch (event.type) {
      case "sft_finished":
        found.set(event.trial, { ...trial, sft: figuresOf(event) });
        break;
      case "step":
        steps.get(event.trial)!.set(event.step, figuresOf(event));
        break;
      case "evaluated":
        if (event.final) {
          found.set(event.trial, { ...trial, final: figuresOf(event) });
        } else {
          frontiers.get(event.trial)!.set(event.step, figuresOf(event));
        }
        break;
      case "model_exported":
        found.set(event.trial, { ...trial, model: event.files });
        break;
    }
  }
  return found;
}

/** Without the evaluations that a user requested in between: a second run has none of them. */
export async function* plannedEvents(
  trials: readonly Trial[],
  events: AsyncIterable<JournalEvent> | Iterable<JournalEvent>,
): AsyncGenerator<JournalEvent> {
  const known = new Map(trials.map((trial) => [trial.id, trial]));
  for await (const event of events) {
    const trial = known.get(event.trial ?? "");
    const asked =
      event.type === "evaluated" &&
      !event.final &&
      trial !== undefined &&
      !isFrontierStep(trial, event.step);
    if (!asked) {
      yield event;
    }
  }
}

/** Never the same twice, or not a figure. */
const unrepeatable = new Set([
  "seq",
  "time",
  "trial",
  "type",
  "seconds",
  "episodes_per_s",
  "memory_bytes",
  "gpu",
  "samples",
  "completions",
  // Whether SFT was reused says how its figures came, not what they are.
  "artifact",
]);

function figuresOf(event: JournalEvent): Figures {
  const figures = Object.entries(event).filter(([key]) => !unrepeatable.has(key));
  return Object.fromEntries(
    figures.map(([key, value]) => [key, key === "episodes" ? episodesOf(value) : value]),
  );
}

/** Of arrays in a file of their own the digest counts, not its name. */
function episodesOf(episodes: object): object {
  if (!("file" in episodes)) {
    return episodes;
  }
  const { file: _, ...rest } = episodes;
  return rest;
}
