/** What training did, figure by figure: charts with axes as far as there is room, another arm behind. */
import { Box } from "ink";
import type { ReactElement } from "react";
import type { TrialModel } from "../../../run-model/run-model.js";
import { iterationNumber } from "../../../text/iterations.js";
import { rangeOf } from "../../charts/axis.js";
import type { Zoom } from "../../charts/chart.js";
import { lineChart } from "../../charts/line-chart.js";
import { smoothed } from "../../charts/smoothing.js";
import { sparkline } from "../../charts/sparkline.js";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { Chart } from "./chart.js";
import { numberWidth, said, shortNumber } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText } from "./model-text.js";
import { seriesValue, stepSeries } from "./step-series.js";
import {
  chartHeading,
  chartName,
  figureAt,
  foundCharts,
  type TrainingChart,
} from "./training-figures.js";

export interface TrainingInput {
  readonly steps: TrialModel["steps"];
  /** Another arm of the same seed, dimmed behind; null: there is none, or none is wanted. */
  readonly other: { readonly name: string; readonly steps: TrialModel["steps"] } | null;
  /** Iteration in view: marked. */
  readonly iteration: number | null;
  /** `kl.target`, nats; null: β is fixed. */
  readonly klTarget: number | null;
  /** α of the arm's CVaR. */
  readonly alpha: number;
  readonly zoom: Zoom | null;
  /** One of them alone, as large as it gets; null: all. */
  readonly only: TrainingChart | null;
  /** Regular expression of figures' names; absent, empty: the usual ones. */
  readonly filter?: string;
  readonly isLog?: boolean;
  /** Iterations that curves are smoothed over; absent, 1: not. */
  readonly span?: number;
}

/** Columns that a chart with numbers needs. */
const leastWidth = 29;
/** Rows from which on more charts abreast gain nothing. */
const goodHeight = 8;
/** Heading, two rows of curve, numbers. */
const leastHeight = 4;
const gap = 2;

export const TrainingPanel = memoByValue(function TrainingPanel({
  width,
  height,
  ...input
}: TrainingInput & Size): ReactElement {
  const style = useViewStyle();
  const charts =
    input.only === null ? foundCharts(input.steps, input.filter ?? "", input, style) : [input.only];
  if (charts.length === 0) {
    const words = "No figure has such a name. Esc shows all.";
    return <Lines lines={said(words, width)} width={width} height={height} />;
  }
  const { columns, rows, charted } = divisionOf(charts.length, { width, height });
  const rest = charts.slice(charted);
  const gridHeight = Math.max(0, height - rest.length);
  const each = Math.floor((width - gap * (columns - 1)) / columns);
  return (
    <Box flexDirection="column">
      {Array.from({ length: rows }, (_, row) => {
        const shown = charts.slice(0, charted).slice(row * columns, (row + 1) * columns);
        // Rows that do not divide evenly go to the upper charts.
        const rowHeight = Math.floor(gridHeight / rows) + (row < gridHeight % rows ? 1 : 0);
        return (
          <Box key={shown[0]} columnGap={gap}>
            {shown.map((chart) => (
              <FigureChart key={chart} chart={chart} {...input} width={each} height={rowHeight} />
            ))}
          </Box>
        );
      })}
      <SparkRows
        charts={rest}
        {...input}
        width={width}
        height={Math.min(rest.length, Math.max(0, height))}
      />
    </Box>
  );
});

/** Which curve is whose, for the panel's title; empty where there is but one. */
export function trainingLegend(other: { readonly name: string } | null, style: ViewStyle): Line {
  if (other === null) {
    return [];
  }
  const [own, behind] = style.unicode ? ["⠒⠒⠒", "⠒ ⠒"] : ["---", "..."];
  const name = modelText(other.name, { revealed: true, room: 64, style });
  return [
    { text: `${own} this arm`, color: "cyan" },
    { text: `  ${behind} (${name})`, dim: true },
  ];
}

interface Division {
  /** Charts side by side, and one above the other. */
  readonly columns: number;
  readonly rows: number;
  /** So many of the figures have axes; the others have a row each, below. */
  readonly charted: number;
}

/** As few abreast as leaves every chart a good height; where not all have room, the first ones do. */
function divisionOf(count: number, { width, height }: Size): Division {
  const most = Math.max(1, Math.min(4, Math.floor((width + gap) / (leastWidth + gap))));
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const each = Math.floor(height / rows);
    if (each >= goodHeight || (columns === most && each >= leastHeight)) {
      return { columns: Math.min(columns, count), rows, charted: count };
    }
  }
  for (let rows = Math.floor(count / most); rows > 0; rows -= 1) {
    const charted = rows * most;
    if (leastHeight * rows + count - charted <= height) {
      return { columns: most, rows, charted };
    }
  }
  return { columns: most, rows: 0, charted: 0 };
}

function FigureChart({
  chart,
  width,
  height,
  ...input
}: TrainingInput & Size & { readonly chart: TrainingChart }): ReactElement {
  const { steps, other, iteration, klTarget, zoom } = input;
  const ends = [steps, other?.steps ?? []].map((all) => all.at(-1)?.head);
  const last = Math.max(
    2,
    ...ends.map((head) => (head === undefined ? 0 : iterationNumber(head.step))),
  );
  const { span = 1, isLog = false } = input;
  const seriesOf = (some: TrialModel["steps"]) => {
    const { xs, ys } = stepSeries(some, chart);
    return { xs, ys: smoothed(ys, span) };
  };
  const own = { ...seriesOf(steps), look: { color: "cyan" as const } };
  const behind = other === null ? [] : [{ ...seriesOf(other.steps), look: { dim: true }, dash: 1 }];
  const curves = {
    series: [own, ...behind],
    x: zoom ?? { from: 1, to: last },
    marker: iteration,
    reference: chart === "kl_mean" ? klTarget : null,
    isLog,
  };
  return (
    <Chart
      title={chartHeading(chart, input, width, useViewStyle())}
      draw={(options) => lineChart(curves, options)}
      width={width}
      height={height}
    />
  );
}

/** Columns of a course that is worth looking at, and of one that needs no more. */
const course = { least: 10, most: 40 };
/** Columns that a row with full names needs. */
const fullRow = 46;
/** Columns of its lowest and highest value. */
const endsWidth = 2 * numberWidth + " to ".length;

/**
 * Where axes have no room: name, value, course and its ends, one line each, in columns that do not
 * move with the figures; the last says how many did not fit.
 */
function SparkRows({
  charts,
  width,
  height,
  ...input
}: TrainingInput & Size & { readonly charts: readonly TrainingChart[] }): ReactElement | null {
  const style = useViewStyle();
  if (height < 1) {
    return null;
  }
  const fits = charts.length <= height ? charts : charts.slice(0, height - 1);
  const names = fits.map((chart) => chartName(chart, input, width >= fullRow, style));
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const beside = width - nameWidth - numberWidth - 3;
  const hasEnds = beside >= course.least + 2 + endsWidth;
  const room = Math.min(course.most, hasEnds ? beside - 2 - endsWidth : beside);
  const lines = fits.map((chart, at): Line => {
    const value = shortNumber(figureAt(input.steps, input.iteration, chart), style);
    const ys = inZoom(input.steps, input.zoom).map(({ head }) => seriesValue(head, chart));
    return [
      { text: names[at]!.padEnd(nameWidth), bold: true },
      { text: ` ${value.padStart(numberWidth)}`, color: "cyan" },
      { text: room < 4 ? "" : `  ${sparkline(ys, room, style)}` },
      { text: hasEnds ? `  ${endsText(ys, style)}` : "", dim: true },
    ];
  });
  const hidden = charts.length - fits.length;
  const rest: Line = [{ text: `and ${hidden} more with more room`, dim: true }];
  return <Lines lines={hidden === 0 ? lines : [...lines, rest]} width={width} height={height} />;
}

function inZoom(steps: TrialModel["steps"], zoom: Zoom | null): TrialModel["steps"] {
  return zoom === null
    ? steps
    : steps.filter(
        ({ head }) =>
          iterationNumber(head.step) >= zoom.from && iterationNumber(head.step) <= zoom.to,
      );
}

function endsText(values: readonly (number | null)[], style: ViewStyle): string {
  const range = rangeOf(values);
  return `${shortNumber(range?.low, style)} to ${shortNumber(range?.high, style)}`;
}
