/** What training did, figure by figure: charts with axes as far as there is room, another arm behind. */

import type { TrialModel } from "../../run-model/run-model.js";
import { lineChart } from "../charts/line-chart.js";
import type { Zoom } from "../charts/zoom.js";
import { besides, fitLine, type Line, type ViewStyle } from "../line.js";
import { modelText } from "./model-text.js";
import type { Panel, PanelSize } from "./panel.js";
import { sparkRows } from "./spark-rows.js";
import { stepSeries } from "./step-series.js";
import { chartHeading, type TrainingChart, trainingCharts } from "./training-figures.js";

export interface TrainingInput {
  readonly steps: TrialModel["steps"];
  /** Another arm of the same seed, dimmed behind; null: there is none, or none is wanted. */
  readonly other: { readonly name: string; readonly steps: TrialModel["steps"] } | null;
  /** In view: marked. */
  readonly step: number | null;
  /** `kl.target`, nats; null: β is fixed. */
  readonly klTarget: number | null;
  /** α of the arm's CVaR. */
  readonly alpha: number;
  readonly zoom: Zoom | null;
  /** One of them alone, as large as it gets; null: all. */
  readonly only: TrainingChart | null;
}

/** Columns that a chart with numbers needs. */
const leastWidth = 29;
/** Rows from which on more charts abreast gain nothing. */
const goodHeight = 8;
/** Heading, two rows of curve, numbers. */
const leastHeight = 4;
const gap = 2;

export const trainingPanel: Panel<TrainingInput> = {
  title: "Training",
  lines: (input, size, style) => {
    const { width } = size;
    const height = Math.max(0, size.height);
    const charts = input.only === null ? trainingCharts : [input.only];
    const { columns, rows, charted } = divisionOf(charts.length, { width, height });
    const rest = charts.slice(charted);
    const grid = { width, height: height - Math.min(height, rest.length) };
    const lines = [
      ...gridLines(charts.slice(0, charted), { columns, rows }, input, grid, style),
      ...sparkRows(rest, input, { width, height: height - grid.height }, style),
    ];
    return lines.slice(0, height).map((line) => fitLine(line, width, style));
  },
};

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

interface Grid {
  /** Charts side by side, and one above the other. */
  readonly columns: number;
  readonly rows: number;
}

interface Division extends Grid {
  /** So many of the figures have axes; the others have a row each, below. */
  readonly charted: number;
}

/** As few abreast as leaves every chart a good height; where not all have room, the first ones do. */
function divisionOf(count: number, { width, height }: PanelSize): Division {
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

function gridLines(
  charts: readonly TrainingChart[],
  { columns, rows }: Grid,
  input: TrainingInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const each = Math.floor((width - gap * (columns - 1)) / columns);
  const lines: Line[] = [];
  for (let row = 0; row < rows; row += 1) {
    // Rows that do not divide evenly go to the upper charts.
    const rowHeight = Math.floor(height / rows) + (row < height % rows ? 1 : 0);
    const blocks = charts.slice(row * columns, (row + 1) * columns).map((chart) => ({
      width: each,
      lines: oneChart(chart, input, { width: each, height: rowHeight }, style),
    }));
    lines.push(...besides(blocks, gap, style));
  }
  return lines;
}

function oneChart(
  chart: TrainingChart,
  input: TrainingInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const { steps, other, step, klTarget, zoom } = input;
  const last = Math.max(steps.at(-1)?.head.step ?? 0, other?.steps.at(-1)?.head.step ?? 0, 1);
  const series = [
    { ...stepSeries(steps, chart), look: { color: "cyan" as const } },
    ...(other === null
      ? []
      : [{ ...stepSeries(other.steps, chart), look: { dim: true }, dashed: true }]),
  ];
  return [
    fitLine(chartHeading(chart, input, width, style), width, style),
    ...lineChart(
      {
        series,
        x: zoom ?? { from: 0, to: last },
        marker: step,
        reference: chart === "kl_mean" ? klTarget : null,
      },
      { width, height: height - 1, style },
    ),
  ];
}
