/** Training where axes have no room: a line a figure. */

import type { TrialModel } from "../../run-model/run-model.js";
import { rangeOf } from "../charts/axis.js";
import { sparkline } from "../charts/sparkline.js";
import type { Zoom } from "../charts/zoom.js";
import type { Line, ViewStyle } from "../line.js";
import { numberWidth, shortNumber } from "./field.js";
import type { PanelSize } from "./panel.js";
import {
  chartName,
  type FiguresView,
  type TrainingChart,
  valueAtStep,
} from "./training-figures.js";

/** Columns of a course that is worth looking at, and of one that needs no more. */
const course = { least: 10, most: 40 };
/** Columns that a row with full names needs. */
const fullRow = 46;
/** Columns of its lowest and highest value. */
const endsWidth = 2 * numberWidth + " to ".length;

/**
 * Name, value, course and its ends, one line each, in columns that do not move with the figures;
 * the last says how many did not fit.
 */
export function sparkRows(
  charts: readonly TrainingChart[],
  input: FiguresView & { readonly zoom: Zoom | null },
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const fits = charts.length <= height ? charts : charts.slice(0, Math.max(0, height - 1));
  const names = fits.map((chart) => chartName(chart, input, width >= fullRow, style));
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const beside = width - nameWidth - numberWidth - 3;
  const hasEnds = beside >= course.least + 2 + endsWidth;
  const room = Math.min(course.most, hasEnds ? beside - 2 - endsWidth : beside);
  const lines = fits.map((chart, at): Line => {
    const value = shortNumber(valueAtStep(input.steps, input.step, chart), style);
    const ys = inZoom(input.steps, input.zoom).map(({ head }) => head[chart]);
    return [
      { text: names[at]!.padEnd(nameWidth), bold: true },
      { text: ` ${value.padStart(numberWidth)}`, color: "cyan" },
      { text: room < 4 ? "" : `  ${sparkline(ys, room, style)}` },
      { text: hasEnds ? `  ${endsText(ys, style)}` : "", dim: true },
    ];
  });
  const hidden = charts.length - fits.length;
  return hidden === 0 || height < 1
    ? lines
    : [...lines, [{ text: `and ${hidden} more with more room`, dim: true }]];
}

function inZoom(steps: TrialModel["steps"], zoom: Zoom | null): TrialModel["steps"] {
  return zoom === null
    ? steps
    : steps.filter(({ head }) => head.step >= zoom.from && head.step <= zoom.to);
}

function endsText(values: readonly (number | null)[], style: ViewStyle): string {
  const range = rangeOf(values);
  return `${shortNumber(range?.low, style)} to ${shortNumber(range?.high, style)}`;
}
