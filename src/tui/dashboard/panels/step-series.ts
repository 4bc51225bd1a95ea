/**
 * A trial's figures as columns of numbers, taken out once for each list of steps: a frame draws
 * sixteen curves, and most frames draw the same steps as the one before.
 */

import type { SeriesName, StepHead, TrialModel } from "../../../run-model/run-model.js";
import { iterationNumber } from "../../../text/iterations.js";

type Steps = TrialModel["steps"];

export interface StepSeries {
  /** Iterations. */
  readonly xs: Float64Array;
  /** NaN: not known. */
  readonly ys: Float64Array;
}

/** Mean raw score of one reward component, by its name. */
export type ComponentSeries = `component ${string}`;

type AnySeries = SeriesName | ComponentSeries;

const prefix = "component ";

export function componentSeries(name: string): ComponentSeries {
  return `${prefix}${name}`;
}

/** @returns null: it is not of one component */
export function seriesComponent(series: string): string | null {
  return series.startsWith(prefix) ? series.slice(prefix.length) : null;
}

export function seriesValue(head: StepHead, series: AnySeries): number | null {
  const component = seriesComponent(series);
  return component === null
    ? head[series as SeriesName]
    : (head.components?.[component]?.mean ?? null);
}

const known = new WeakMap<Steps, Map<AnySeries | "iteration", Float64Array>>();

/** @param steps a list that is never changed once it is drawn */
export function stepSeries(steps: Steps, name: AnySeries): StepSeries {
  return { xs: columnOf(steps, "iteration"), ys: columnOf(steps, name) };
}

function columnOf(steps: Steps, name: AnySeries | "iteration"): Float64Array {
  const columns = known.get(steps) ?? new Map<AnySeries | "iteration", Float64Array>();
  known.set(steps, columns);
  const column =
    columns.get(name) ??
    Float64Array.from(steps, ({ head }) =>
      name === "iteration" ? iterationNumber(head.step) : (seriesValue(head, name) ?? Number.NaN),
    );
  columns.set(name, column);
  return column;
}
