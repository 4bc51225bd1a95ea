/** The three charts of the risk panel, each under a heading that explains it. */
import type { ReactElement } from "react";
import type { ArmConfig } from "../../../config/schema/experiment.js";
import type { Episodes } from "../../../journal/events.js";
import { annealings } from "../../../risk/annealing/registry.js";
import { plannedAlpha, validateSchedule } from "../../../risk/annealing/schedule.js";
import { riskMeasures, usesAlpha } from "../../../risk/measures/registry.js";
import { tailEpisodes } from "../../../risk/populations.js";
import { populationInForce } from "../../../risk/terms.js";
import type { StepHead, TrialModel } from "../../../run-model/run-model.js";
import { iterationNumber } from "../../../text/iterations.js";
import type { Zoom } from "../../charts/chart.js";
import { type FanRow, fanChart, fanGlyphs } from "../../charts/fan-chart.js";
import { type StepPlot, stepPlot } from "../../charts/step-plot.js";
import { tailHistogram } from "../../charts/tail-histogram.js";
import {
  firstThatFits,
  type Line,
  lineWidth,
  type Size,
  type ViewStyle,
} from "../../terminal/line.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { Chart } from "./chart.js";
import { heading, settingNumber } from "./field.js";
import { stepSeries } from "./step-series.js";
import { stepTail } from "./step-tail.js";

export interface RiskChartsInput {
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

interface Schedule {
  readonly plot: Omit<StepPlot, "x">;
  /** Whether it ever keeps fewer than all. */
  readonly falls: boolean;
  readonly title: Line;
}

function scheduleOf({ config, step, steps }: RiskChartsInput): Schedule {
  const { risk, training } = config;
  const { batch: episodes, iterations } = training;
  const falls = usesAlpha(risk.measure) && validateSchedule(risk, iterations).length === 0;
  const last = step ?? steps.at(-1)?.head ?? null;
  const { episodes: trained } = riskMeasures[risk.measure].trainsOn(risk, populationInForce(risk));
  const what = trained === "all" ? "in the tail" : "kept";
  const isLoop = falls && annealings[risk.annealing].follows === "signals";
  const valueAt = !falls
    ? () => episodes
    : isLoop
      ? loopCourse(config, steps)
      : (iteration: number) => keptOf(config, plannedAlpha(risk, iteration - 1, iterations));
  const marker = last === null ? null : iterationNumber(last.step);
  return {
    plot: { valueAt, iterations, y: [0, episodes], marker },
    falls,
    title: heading(
      "Schedule",
      falls
        ? `${what}, of ${episodes}${isLoop ? "; ahead: the fewest" : ""}`
        : `all ${episodes} kept`,
    ),
  };
}

/** Of a closed loop: what was kept, and from there on the fewest that it can come to. */
function loopCourse(config: ArmConfig, steps: TrialModel["steps"]): (iteration: number) => number {
  const { risk, training } = config;
  const { iterations } = training;
  const last = steps.at(-1)?.head ?? null;
  const loop = annealings[risk.annealing];
  const done = new Map(steps.map(({ head }) => [head.step, head.alpha]));
  const alphaAt = (step: number): number => {
    const known = done.get(step);
    if (known !== undefined) return known;
    if (last === null || loop.follows !== "signals" || step <= risk.warmup) {
      return plannedAlpha(risk, step, iterations);
    }
    const next = last.annealing?.alpha_next ?? last.alpha;
    const from = Math.max(last.step + 1, risk.warmup);
    return loop.ahead(risk, iterations, next, Math.max(0, step - from));
  };
  return (iteration) => keptOf(config, alphaAt(iteration - 1));
}

function keptOf({ risk, training }: ArmConfig, alpha: number): number {
  return tailEpisodes(alpha, populationInForce(risk), training);
}

export function StepScheduleChart({
  width,
  height,
  ...input
}: RiskChartsInput & Size): ReactElement {
  const { plot, title } = scheduleOf(input);
  return (
    <Chart
      title={title}
      draw={(options) => stepPlot({ ...plot, x: null }, options)}
      width={width}
      height={height}
    />
  );
}

/** The schedule in one row, between its first and its last value. */
export function scheduleStrip(input: RiskChartsInput, width: number, style: ViewStyle): Line {
  const { plot, falls, title } = scheduleOf(input);
  if (!falls) {
    return title;
  }
  const [first, last] = [1, plot.iterations].map((at) => String(plot.valueAt(at)));
  const name: Line = [
    { text: "Schedule", bold: true },
    { text: ` ${first} `, dim: true },
  ];
  const end: Line = [{ text: ` ${last}`, dim: true }];
  const room = width - lineWidth([...name, ...end]);
  const [curve = []] = stepPlot({ ...plot, x: null }, { width: room, height: 1, style });
  return [...name, ...curve, ...end];
}

export function BatchChart({
  step,
  episodes,
  width,
  height,
}: Pick<RiskChartsInput, "step" | "episodes"> & Size): ReactElement {
  const style = useViewStyle();
  if (episodes === null || step === null) {
    const none = { values: [], inTail: () => false, var: null, cvar: null };
    return (
      <Chart
        title={heading("Returns of this iteration", "not read yet")}
        draw={(options) => tailHistogram(none, options)}
        width={width}
        height={height}
      />
    );
  }
  const tail = stepTail(episodes, step.var);
  const shade = style.unicode ? "▓" : "#";
  const below = `${shade} ${style.unicode ? "≤" : "<="} VaR`;
  const titleWith = (name: string, legend: string): Line => [
    { text: name, bold: true },
    { text: `  ${legend}`, color: "red" },
    { text: step.failed === 0 ? "" : `  ${step.failed} failed`, color: "yellow" },
  ];
  const name = `Returns of iteration ${iterationNumber(step.step)}`;
  const ways = tail.byWeight
    ? [titleWith(name, `${shade} kept`), titleWith("Returns", `${shade} kept`)]
    : [
        titleWith(name, `${below} (all are kept)`),
        titleWith(name, below),
        titleWith("Returns", below),
      ];
  const batch = {
    values: episodes.return,
    inTail: tail.inTail,
    var: step.var,
    cvar: step.cvar,
  };
  return (
    <Chart
      title={firstThatFits(ways, width, style)}
      draw={(options) => tailHistogram(batch, options)}
      width={width}
      height={height}
    />
  );
}

export function FanChart({
  quantiles,
  steps,
  step,
  zoom,
  config,
  width,
  height,
}: RiskChartsInput & Size): ReactElement {
  const style = useViewStyle();
  const last = steps.at(-1)?.head ?? null;
  const fan = {
    rows: quantiles,
    points: stepSeries(steps, "cvar"),
    x: zoom ?? { from: 1, to: last === null ? 2 : Math.max(2, iterationNumber(last.step)) },
    marker: step === null ? null : iterationNumber(step.step),
  };
  return (
    <Chart
      title={firstThatFits(fanLegends(config.risk.alpha, style), width, style)}
      draw={(options) => fanChart(fan, options)}
      width={width}
      height={height}
    />
  );
}

function fanLegends(alpha: number, style: ViewStyle): Line[] {
  const glyphs = fanGlyphs(style.unicode);
  const cvar = `CVaR ${settingNumber(alpha, style)}`;
  const to = style.unicode ? "–" : "-";
  const legend = (gap: string, dash: string, unit: string, middle: string, name: string): Line => [
    { text: "Returns", bold: true },
    { text: `${gap}${glyphs.outer} 5${dash}95${unit}`, dim: true },
    { text: `${gap}${glyphs.inner} 25${dash}75${unit}`, color: "cyan" },
    { text: `${gap}${glyphs.median} ${middle}` },
    { text: `${gap}${glyphs.point} ${name}`, color: "red" },
  ];
  return [
    legend("  ", " to ", " %", "median", cvar),
    legend("  ", to, " %", "50 %", cvar),
    legend(" ", to, "", "50 %", "CVaR"),
  ];
}
