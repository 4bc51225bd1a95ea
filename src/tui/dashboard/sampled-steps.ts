/** Which steps a chart of so many columns shows, where each costs a read of the journal. */

import type { TrialModel } from "../../run-model/run-model.js";
import type { Zoom } from "../charts/zoom.js";

/**
 * At most `columns` steps, ascending: every step, every second, every fourth, …, so that a history
 * that grows or is zoomed keeps most of what was read; and the newest.
 */
export function sampledSteps(
  steps: TrialModel["steps"],
  zoom: Zoom | null,
  columns: number,
): TrialModel["steps"] {
  const within =
    zoom === null
      ? steps
      : steps.filter(({ head }) => head.step >= zoom.from && head.step <= zoom.to);
  if (columns < 1) {
    return [];
  }
  if (within.length <= columns) {
    return within;
  }
  let stride = 2;
  while (within.length / stride > columns - 2) {
    stride *= 2;
    if (stride > within.length) {
      return within.slice(-1);
    }
  }
  const last = within.length - 1;
  return within.filter(({ head }, at) => at === last || head.step % stride === 0);
}
