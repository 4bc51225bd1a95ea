/** Small multiples of what training did, another arm behind. */
import { lineChart } from "../charts/line-chart.js";
import type { Zoom } from "../charts/zoom.js";
import { besides, fitLine, type Line, type ViewStyle } from "../line.js";
import type { TrialModel } from "../model/run-model.js";
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
const leastWidth = 30;
/** Rows from which on more charts abreast gain nothing. */
const goodHeight = 8;
/** Heading, two rows of curve, numbers. */
const leastHeight = 4;

export const trainingPanel: Panel<TrainingInput> = {
  title: "Training",
  rows: (_, width) => (width >= 2 * leastWidth ? 17 : 33),
  lines: (input, size, style) => {
    const { width } = size;
    const height = Math.max(0, size.height);
    const legend = height >= 2 ? legendLines(input, style) : [];
    const room = { width, height: height - legend.length };
    const charts = input.only === null ? trainingCharts : [input.only];
    const grid = gridFor(charts.length, room);
    const lines =
      grid === null
        ? sparkRows(charts, input, room, style)
        : gridLines(charts, grid, input, room, style);
    return [...legend, ...lines].slice(0, height).map((line) => fitLine(line, width, style));
  },
};

function legendLines({ other, zoom }: TrainingInput, style: ViewStyle): Line[] {
  const own = style.unicode ? "⠒⠒⠒" : "---";
  const behind = style.unicode ? "⠒ ⠒" : "...";
  const line: Line = [
    ...(other === null
      ? []
      : [
          { text: `${own} this arm`, color: "cyan" as const },
          {
            text: `  ${behind} ${modelText(other.name, { revealed: true, room: 64, style })}`,
            dim: true,
          },
        ]),
    ...(zoom === null
      ? []
      : [
          {
            text: `${other === null ? "" : "  "}steps ${zoom.from} to ${zoom.to}`,
            color: "yellow" as const,
          },
        ]),
  ];
  return line.length === 0 ? [] : [line];
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** As few abreast as leaves every chart a good height; null: no room for axes. */
function gridFor(count: number, { width, height }: PanelSize): Grid | null {
  const most = Math.max(1, Math.min(4, Math.floor((width + 2) / (leastWidth + 2))));
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const each = Math.floor(height / rows);
    if (each >= goodHeight || (columns === most && each >= leastHeight)) {
      return { columns: Math.min(columns, count), rows };
    }
  }
  return null;
}

function gridLines(
  charts: readonly TrainingChart[],
  { columns, rows }: Grid,
  input: TrainingInput,
  { width, height }: PanelSize,
  style: ViewStyle,
): Line[] {
  const gap = 2;
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
    fitLine(chartHeading(chart, input, style), width, style),
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
