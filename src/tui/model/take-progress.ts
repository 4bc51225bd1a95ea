/** What a trial is doing between two events of the journal. */
import type { ProgressObservation } from "../run-source.js";
import type { RunModel, TrialModel } from "./run-model.js";
import { hasEnded, unknownTrial } from "./trial-model.js";

/**
 * The very same model where the progress comes too late to say anything.
 *
 * @param now seconds since 1970
 */
export function takeProgress(
  model: RunModel,
  { trial: id, phase: name, done, total, unit }: ProgressObservation,
  now: number,
): RunModel {
  const at = model.trials.findIndex((trial) => trial.id === id);
  const before = model.trials[at] ?? unknownTrial(id);
  if (hasEnded(before)) {
    return model;
  }
  const since = before.phase?.name === name ? before.phase.since : now;
  const status = before.status === "waiting" ? "starting" : before.status;
  const after: TrialModel = { ...before, status, phase: { name, done, total, unit, since } };
  const trials = at < 0 ? [...model.trials, after] : model.trials.with(at, after);
  return { ...model, trials };
}
