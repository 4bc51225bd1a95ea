/** The three charts of the risk panel, each under a heading that explains it. */
import type { ArmConfig } from "../../config/schema/experiment.js";
import type { Episodes } from "../../journal/events.js";
import {
  keptEpisodes,
  type RiskSchedule,
  validateSchedule,
} from "../../risk/annealing/schedule.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import type { StepHead, TrialModel } from "../../run-model/run-model.js";
import { type FanRow, fanChart, fanGlyphs } from "../charts/fan-chart.js";
import { type StepPlot, stepPlot } from "../charts/step-plot.js";
import { tailHistogram } from "../charts/tail-histogram.js";
import type { Zoom } from "../charts/zoom.js";
import { firstThatFits, fitLine, type Line, lineWidth, type ViewStyle } from "../line.js";
import { heading, settingNumber } from "./field.js";
import type { PanelSize } from "./panel.js";
import { stepSeries } from "./step-series.js";
import { stepTail } from "./step-tail.js";

export interface RiskInput {
  /** The arm's. */
  readonly config: ArmConfig;
  readonly steps: TrialModel["steps"];
  /** In view; null: none is done. */
  readonly step: StepHead | null;
  /** Of the step in view; null: not read. */
  readonly episodes: Episodes | null;
  /** Of the step before it. */
  readonly previous: Episodes | null;
  /** Of the steps that were read so far, ascending; steps may be left out. */
  readonly quantiles: readonly FanRow[];
  readonly zoom: Zoom | null;
}

/** A heading and the chart under it; where only one row is left, the heading alone. */
function titled(
  title: Line,
  { width, height }: PanelSize,
  draw: (size: PanelSize) => Line[],
  style: ViewStyle,
): Line[] {
  return height < 1 ? [] : [fitLine(title, width, style), ...draw({ width, height: height - 1 })];
}

interface Schedule {
  readonly plot: Omit<StepPlot, "x">;
  /** Whether it ever keeps fewer than all. */
  readonly falls: boolean;
  readonly title: Line;
}

function scheduleOf({ config, step, steps }: RiskInput): Schedule {
  const { risk, training } = config;
  const { batch: episodes, iterations } = training;
  const terms: RiskSchedule = { ...risk, kind: risk.schedule };
  const falls = usesAlpha(risk.measure) && validateSchedule(terms, iterations).length === 0;
  const marker = step?.step ?? steps.at(-1)?.head.step ?? null;
  const what = risk.measure === "mean-cvar" ? "in the tail" : "kept";
  const valueAt = falls
    ? (m: number) => keptEpisodes(terms, m, iterations, episodes)
    : () => episodes;
  return {
    plot: { valueAt, iterations, y: [0, episodes], marker },
    falls,
    title: heading("Schedule", falls ? `${what}, of ${episodes}` : `all ${episodes} kept`),
  };
}

export function scheduleChart(input: RiskInput, size: PanelSize, style: ViewStyle): Line[] {
  const { plot, title } = scheduleOf(input);
  return titled(title, size, (room) => stepPlot({ ...plot, x: null }, { ...room, style }), style);
}

/** The schedule in one row, between its first and its last value. */
export function scheduleStrip(input: RiskInput, width: number, style: ViewStyle): Line {
  const { plot, falls, title } = scheduleOf(input);
  if (!falls) {
    return fitLine(title, width, style);
  }
  const [first, last] = [0, plot.iterations - 1].map((m) => String(plot.valueAt(m)));
  const name: Line = [
    { text: "Schedule", bold: true },
    { text: ` ${first} `, dim: true },
  ];
  const end: Line = [{ text: ` ${last}`, dim: true }];
  const room = width - lineWidth([...name, ...end]);
  const [curve = []] = stepPlot({ ...plot, x: null }, { width: room, height: 1, style });
  return fitLine([...name, ...curve, ...end], width, style);
}

export function batchChart(
  { step, episodes }: RiskInput,
  size: PanelSize,
  style: ViewStyle,
): Line[] {
  if (episodes === null || step === null) {
    return titled(
      heading("Returns of this step", "not read yet"),
      size,
      (room) =>
        tailHistogram(
          { values: [], inTail: () => false, var: null, cvar: null },
          { ...room, style },
        ),
      style,
    );
  }
  const tail = stepTail(episodes, step.var);
  const shade = style.unicode ? "▓" : "#";
  const below = `${shade} ${style.unicode ? "≤" : "<="} VaR`;
  const titleWith = (legend: string): Line => [
    { text: `Returns of step ${step.step}`, bold: true },
    { text: `  ${legend}`, color: "red" },
    { text: step.failed === 0 ? "" : `  ${step.failed} failed`, color: "yellow" },
  ];
  const legends = tail.byWeight ? [`${shade} kept`] : [`${below} (all are kept)`, below];
  const title = firstThatFits(legends.map(titleWith), size.width, style);
  return titled(
    title,
    size,
    (room) =>
      tailHistogram(
        { values: episodes.return, inTail: tail.inTail, var: step.var, cvar: step.cvar },
        { ...room, style },
      ),
    style,
  );
}

export function fanChartLines(input: RiskInput, size: PanelSize, style: ViewStyle): Line[] {
  const { quantiles, steps, step, zoom, config } = input;
  const glyphs = fanGlyphs(style.unicode);
  const to = Math.max(1, steps.at(-1)?.head.step ?? 1);
  const cvar = `CVaR ${settingNumber(config.risk.alpha, style)}`;
  const legend = (gap: string, dash: string, unit: string, middle: string, name: string): Line => [
    { text: "Returns", bold: true },
    { text: `${gap}${glyphs.outer} 5${dash}95${unit}`, dim: true },
    { text: `${gap}${glyphs.inner} 25${dash}75${unit}`, color: "cyan" },
    { text: `${gap}${glyphs.median} ${middle}` },
    { text: `${gap}${glyphs.point} ${name}`, color: "red" },
  ];
  const to95 = style.unicode ? "–" : "-";
  const title = firstThatFits(
    [
      legend("  ", " to ", " %", "median", cvar),
      legend("  ", to95, " %", "50 %", cvar),
      legend(" ", to95, "", "50 %", "CVaR"),
    ],
    size.width,
    style,
  );
  return titled(
    title,
    size,
    (room) =>
      fanChart(
        {
          rows: quantiles,
          points: stepSeries(steps, "cvar"),
          x: zoom ?? { from: 0, to },
          marker: step?.step ?? null,
        },
        { ...room, style },
      ),
    style,
  );
}
