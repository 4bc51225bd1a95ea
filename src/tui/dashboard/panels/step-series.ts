/**
 * A trial's figures as columns of numbers, taken out once for each list of steps: a frame draws
 * sixteen curves, and most frames draw the same steps as the one before.
 */

import type { SeriesName, TrialModel } from "../../../run-model/run-model.js";
import { iterationNumber } from "../../../text/iterations.js";

type Steps = TrialModel["steps"];

export interface StepSeries {
  /** Iterations. */
  readonly xs: Float64Array;
  /** NaN: not known. */
  readonly ys: Float64Array;
}

const known = new WeakMap<Steps, Map<SeriesName | "iteration", Float64Array>>();

/** @param steps a list that is never changed once it is drawn */
export function stepSeries(steps: Steps, name: SeriesName): StepSeries {
  return { xs: columnOf(steps, "iteration"), ys: columnOf(steps, name) };
}

function columnOf(steps: Steps, name: SeriesName | "iteration"): Float64Array {
  const columns = known.get(steps) ?? new Map<SeriesName | "iteration", Float64Array>();
  known.set(steps, columns);
  const column =
    columns.get(name) ??
    Float64Array.from(steps, ({ head }) =>
      name === "iteration" ? iterationNumber(head.step) : (head[name] ?? Number.NaN),
    );
  columns.set(name, column);
  return column;
}
