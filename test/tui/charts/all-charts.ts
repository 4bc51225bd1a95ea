/** Every chart with arbitrary data, for what must hold of all of them. */
import fc from "fast-check";
import type { ChartOptions } from "../../../src/tui/charts/chart.js";
import { fanChart } from "../../../src/tui/charts/fan-chart.js";
import { lineChart } from "../../../src/tui/charts/line-chart.js";
import { progressBar } from "../../../src/tui/charts/progress-bar.js";
import { sparkline } from "../../../src/tui/charts/sparkline.js";
import { stepPlot } from "../../../src/tui/charts/step-plot.js";
import { tailHistogram } from "../../../src/tui/charts/tail-histogram.js";
import type { Line, ViewStyle } from "../../../src/tui/terminal/line.js";
import { lineText } from "../drawn.js";

export const styles: readonly ViewStyle[] = [
  { unicode: true, color: true },
  { unicode: true, color: false },
  { unicode: false, color: true },
  { unicode: false, color: false },
];

export const style = fc.constantFrom(...styles);

/** Ordinary, constant, huge, tiny and broken values. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, -0.5, 1e-300, 5e-324, 1e12, 1e300) },
  { weight: 1, arbitrary: fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      null,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ),
  },
);

export const values = fc.oneof(
  fc.array(value, { maxLength: 60 }),
  // All alike, whatever it is.
  fc.tuple(value, fc.nat(20)).map(([one, count]) => new Array<number | null>(count).fill(one)),
);

const zoom = fc.option(
  fc.tuple(fc.nat(60), fc.nat(60)).map(([from, length]) => ({ from, to: from + length })),
);
const marker = fc.option(fc.nat(70));

type Draw = (options: ChartOptions) => Line[];

const stepsOf = (ys: readonly unknown[]): number[] => ys.map((_, step) => step);

/** By name. */
export const charts: Readonly<Record<string, fc.Arbitrary<Draw>>> = {
  lineChart: fc
    .tuple(values, values, zoom, marker, fc.option(value))
    .map(([front, back, x, mark, reference]): Draw => {
      const series = [
        { xs: stepsOf(front), ys: front, look: { color: "cyan" as const } },
        { xs: stepsOf(back), ys: back, look: { dim: true }, dash: 1 },
      ];
      return (options) => lineChart({ series, x, marker: mark, reference }, options);
    }),
  tailHistogram: fc.tuple(values, fc.nat(60), value, value).map(
    ([all, cut, low, high]): Draw =>
      (options) =>
        tailHistogram({ values: all, inTail: (at) => at < cut, var: high, cvar: low }, options),
  ),
  fanChart: fc.tuple(values, values, zoom, marker).map(([quantiles, points, x, mark]): Draw => {
    const rows = quantiles.map((one, step) => {
      const q50 = one ?? Number.NaN;
      const [q05, q25, q75, q95] = [q50 - 2, q50 - 1, q50 + 1, q50 + 2];
      return { x: 2 * step, q05, q25, q50, q75, q95 };
    });
    return (options) =>
      fanChart({ rows, points: { xs: stepsOf(points), ys: points }, x, marker: mark }, options);
  }),
  stepPlot: fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 4096 }), zoom, marker).map(
    ([iterations, batch, x, mark]): Draw =>
      (options) =>
        stepPlot(
          {
            valueAt: (at) => Math.max(1, batch - at),
            iterations,
            x,
            y: [0, batch],
            marker: mark,
          },
          options,
        ),
  ),
  progressBar: fc.option(fc.double()).map(
    (share): Draw =>
      ({ width, height, style: look }) =>
        Array.from({ length: height }, () => progressBar(share, width, look)),
  ),
  sparkline: values.map(
    (ys): Draw =>
      ({ width, height, style: look }) =>
        Array.from({ length: height }, () => [{ text: sparkline(ys, width, look) }]),
  ),
};

/** As it is printed, a bar at the end to show trailing spaces. */
export function frame(lines: readonly Line[]): string {
  return lines.map((line) => `${lineText(line)}|`).join("\n");
}
