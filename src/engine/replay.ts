/** A run taken up again: its journal folded back into state and figures. */

import { type RunFigures, withEvent } from "../analysis/trial-figures.js";
import type { Experiment } from "../config/schema/experiment.js";
import type { EventPayload, JournalEvent } from "../journal/events.js";
import { failureFacts } from "./failure.js";
import type { Plan } from "./plan.js";
import type { Recorder } from "./ports.js";
import { RecordedInputs } from "./recorded-inputs.js";
import { RecordedStages } from "./recorded-stages.js";
import { initialState, type RunState } from "./run-state.js";
import { advance } from "./state.js";
import { newestPoint, type SavedPoint } from "./trial-state.js";

export interface Past {
  readonly state: RunState;
  readonly figures: RunFigures;
  readonly inputs: RecordedInputs;
  readonly stages: RecordedStages;
  /** The event that takes the run up: where every unfinished trial continues from. */
  readonly resumed: Extract<EventPayload, { type: "run_resumed" }>;
}

/**
 * The same, with what its resumption tells made true: a trial continues from the newest checkpoint
 * whose files match their digests.
 *
 * @throws what looking at a checkpoint throws, other than that it is damaged
 */
export async function goingOnFromIntact(
  past: Past,
  recorder: Pick<Recorder, "intact">,
): Promise<Past> {
  const from: Record<string, number | null> = {};
  for (const id of Object.keys(past.resumed.from)) {
    from[id] = await newestIntact(past.state.trials[id]!.saved, recorder);
  }
  return { ...past, resumed: { ...past.resumed, from } };
}

/** @returns iterations done there; null: there is none */
async function newestIntact(
  saved: readonly SavedPoint[],
  recorder: Pick<Recorder, "intact">,
): Promise<number | null> {
  for (const { step, path, digest } of [...saved].reverse()) {
    try {
      await recorder.intact(path, digest);
      return step;
    } catch (error) {
      // Damage is reported when it is restored; here it is skipped.
      if (failureFacts(error).reason !== "environment") {
        throw error;
      }
    }
  }
  return null;
}

/**
 * @param plan of this machine, now; the journal has its own number of trials side by side
 * @param cutBytes of a torn last line, already cut off
 * @param visit is called with every event
 * @returns null: there was no event, not even the first came to be on disk; the run begins
 * @throws {Error} when an event cannot follow on those before it; the message names its number
 * @throws what reading `events` throws
 */
export async function replay(
  experiment: Experiment,
  plan: Plan,
  events: AsyncIterable<JournalEvent> | Iterable<JournalEvent>,
  cutBytes: number,
  visit: (event: JournalEvent) => void = () => {},
): Promise<Past | null> {
  let state = initialState(plan);
  let figures: RunFigures = new Map();
  const inputs = new RecordedInputs(experiment, plan);
  const stages = new RecordedStages();
  for await (const event of events) {
    // What was to be done then is either done, and an event of its own, or void.
    [state] = advance(plan, state, event);
    figures = withEvent(figures, event);
    inputs.take(event);
    stages.take(event);
    visit(event);
  }
  if (state.phase === "created") {
    return null;
  }
  const unfinished = Object.entries(state.trials).filter(
    ([, { phase }]) => phase !== "done" && phase !== "dropped",
  );
  const from = Object.fromEntries(
    unfinished.map(([id, own]) => [id, newestPoint(own)?.step ?? null]),
  );
  const { parallel } = plan;
  return {
    state,
    figures,
    inputs,
    stages,
    resumed: { type: "run_resumed", parallel, cut_bytes: cutBytes, from },
  };
}
