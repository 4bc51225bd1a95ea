/** Training where axes have no room: a line a figure. */
import { sparkline } from "../charts/sparkline.js";
import type { Zoom } from "../charts/zoom.js";
import type { Line, ViewStyle } from "../line.js";
import type { TrialModel } from "../model/run-model.js";
import { shortNumber } from "./field.js";
import type { PanelSize } from "./panel.js";
import {
  chartName,
  type FiguresView,
  type TrainingChart,
  valueAtStep,
} from "./training-figures.js";

/** Name, value, course and its ends, one line each; the last says how many did not fit. */
export function sparkRows(
  charts: readonly TrainingChart[],
  input: FiguresView & { readonly zoom: Zoom | null },
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const fits = charts.length <= height ? charts : charts.slice(0, Math.max(0, height - 1));
  const names = fits.map((chart) => chartName(chart, input, style));
  const values = fits.map((chart) =>
    shortNumber(valueAtStep(input.steps, input.step, chart), style),
  );
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const valueWidth = Math.max(0, ...values.map((value) => value.length));
  const lines = fits.map((chart, at): Line => {
    const ys = inZoom(input.steps, input.zoom).map(({ head }) => head[chart]);
    const { low, high } = endsOf(ys);
    const ends = `  ${shortNumber(low, style)} to ${shortNumber(high, style)}`;
    const room = Math.min(40, width - nameWidth - valueWidth - 4 - 20);
    return [
      { text: names[at]!.padEnd(nameWidth), bold: true },
      { text: `  ${values[at]!.padStart(valueWidth)}`, color: "cyan" },
      { text: room < 4 ? "" : `  ${sparkline(ys, room, style)}` },
      { text: ends, dim: true },
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

function endsOf(values: readonly number[]): { low: number | null; high: number | null } {
  const finite = values.filter((value) => Number.isFinite(value));
  return finite.length === 0
    ? { low: null, high: null }
    : {
        low: finite.reduce((least, value) => Math.min(least, value)),
        high: finite.reduce((most, value) => Math.max(most, value)),
      };
}
