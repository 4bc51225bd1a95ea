/**
 * A trial's figures as columns of numbers, taken out once for each list of steps: a frame draws
 * sixteen curves, and most frames draw the same steps as the one before.
 */
import type { SeriesName, TrialModel } from "../../run-model/run-model.js";

type Steps = TrialModel["steps"];

export interface StepSeries {
  readonly xs: Float64Array;
  /** NaN: not known. */
  readonly ys: Float64Array;
}

const columns = new WeakMap<Steps, Map<SeriesName | "step", Float64Array>>();

/** @param steps a list that is never changed once it is drawn */
export function stepSeries(steps: Steps, name: SeriesName): StepSeries {
  return { xs: columnOf(steps, "step"), ys: columnOf(steps, name) };
}

function columnOf(steps: Steps, name: SeriesName | "step"): Float64Array {
  const known = columns.get(steps) ?? new Map<SeriesName | "step", Float64Array>();
  columns.set(steps, known);
  const column =
    known.get(name) ?? Float64Array.from(steps, ({ head }) => head[name] ?? Number.NaN);
  known.set(name, column);
  return column;
}
