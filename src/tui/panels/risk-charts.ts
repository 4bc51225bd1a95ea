/** The three charts of the risk panel, each under a heading that explains it. */
import type { ArmConfig } from "../../config/schema.js";
import { usesAlpha } from "../../domain/risk-measures/singled-out.js";
import { keptEpisodes, type RiskSchedule, validateSchedule } from "../../domain/risk-schedule.js";
import type { Episodes } from "../../experiment/events.js";
import { type FanRow, fanChart, fanGlyphs } from "../charts/fan-chart.js";
import { stepPlot } from "../charts/step-plot.js";
import { tailHistogram } from "../charts/tail-histogram.js";
import type { Zoom } from "../charts/zoom.js";
import { fitLine, type Line, type ViewStyle } from "../line.js";
import type { StepHead, TrialModel } from "../model/run-model.js";
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

export function scheduleChart(
  { config, step, steps }: RiskInput,
  size: PanelSize,
  style: ViewStyle,
): Line[] {
  const { risk, training } = config;
  const { batch: episodes, iterations } = training;
  const terms: RiskSchedule = { ...risk, kind: risk.schedule };
  const falls = usesAlpha(risk.measure) && validateSchedule(terms, iterations).length === 0;
  const marker = step?.step ?? steps.at(-1)?.head.step ?? null;
  const what = risk.measure === "mean-cvar" ? "in the tail" : "kept";
  const title = falls
    ? heading("Schedule", `${what}, of ${episodes}`)
    : heading("Schedule", `all ${episodes} kept`);
  return titled(
    title,
    size,
    (room) =>
      stepPlot(
        {
          valueAt: falls ? (m) => keptEpisodes(terms, m, iterations, episodes) : () => episodes,
          iterations,
          x: null,
          y: [0, episodes],
          marker,
        },
        { ...room, style },
      ),
    style,
  );
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
  const legend = tail.byWeight
    ? `${shade} kept`
    : `${shade} ${style.unicode ? "≤" : "<="} VaR (all are kept)`;
  const title: Line = [
    { text: `Returns of step ${step.step}`, bold: true },
    { text: `  ${legend}`, color: "red" },
  ];
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
  const title: Line = [
    { text: "Returns by step", bold: true },
    { text: `  ${glyphs.outer} 5 to 95 %`, dim: true },
    { text: `  ${glyphs.inner} 25 to 75 %`, color: "cyan" },
    { text: `  ${glyphs.median} median` },
    {
      text: `  ${glyphs.point} CVaR ${settingNumber(config.risk.alpha, style)}`,
      color: "red",
    },
  ];
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
