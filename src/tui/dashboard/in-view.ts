/** Which trial and which step a view looks at. Pure. */

import type { RunModel, StepHead, TrialModel } from "../../run-model/run-model.js";
import type { Zoom } from "../charts/chart.js";
import type { ViewState } from "./view-state.js";

/** The chosen one; else the first that works, or the last that has done anything. */
export function trialInView({ trials }: RunModel, { trial }: ViewState): TrialModel | null {
  const chosen = trials.find(({ id }) => id === trial);
  const working = trials.find(({ status }) => status === "running" || status === "starting");
  const past =
    trials.findLast(({ steps }) => steps.length > 0) ??
    trials.findLast(({ status }) => status !== "waiting");
  return chosen ?? working ?? past ?? trials[0] ?? null;
}

/** Place in `steps` of the step in view; −1: none is done. */
export function stepInView({ steps }: TrialModel, { step }: ViewState): number {
  const newest = steps.length - 1;
  return step === null ? newest : Math.min(newest, Math.max(0, step));
}

export function headInView(trial: TrialModel | null, view: ViewState): StepHead | null {
  return trial === null ? null : (trial.steps[stepInView(trial, view)]?.head ?? null);
}

/** Fewest iterations that a chart is zoomed to. */
const narrowest = 8;

/** Most zoom levels that change anything for M iterations. */
export function deepestZoom(iterations: number): number {
  return Math.max(0, Math.ceil(Math.log2(iterations / narrowest)));
}

/** The stretch of iterations around the step in view; null: all of them. */
export function zoomInView(trial: TrialModel | null, view: ViewState): Zoom | null {
  if (trial === null || trial.iterations === 0) {
    return null;
  }
  const level = Math.min(view.zoom, deepestZoom(trial.iterations));
  if (level === 0) {
    return null;
  }
  const width = Math.max(narrowest, Math.ceil(trial.iterations / 2 ** level));
  const middle = stepInView(trial, view) + 1 - width / 2;
  const from = Math.floor(Math.max(1, Math.min(middle, trial.iterations - width + 1)));
  return { from, to: Math.min(trial.iterations, from + width - 1) };
}

/** The first other arm of the same seed that trains, for comparison. */
export function otherArm({ trials }: RunModel, trial: TrialModel | null): TrialModel | null {
  if (trial === null || trial.stage !== "rl") {
    return null;
  }
  const others = trials.filter(
    ({ id, seed, stage }) => id !== trial.id && seed === trial.seed && stage === "rl",
  );
  return others.find(({ steps }) => steps.length > 0) ?? null;
}
