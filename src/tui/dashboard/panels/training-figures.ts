/** What the training panel draws, by name and by value at an iteration. */

import type { StepHead, TrialModel } from "../../../run-model/run-model.js";
import { iterationNumber } from "../../../text/iterations.js";
import type { Line, ViewStyle } from "../../terminal/line.js";
import { numberWidth, settingNumber, shortNumber } from "./field.js";
import { modelText } from "./model-text.js";
import {
  type ComponentSeries,
  componentSeries,
  seriesComponent,
  seriesValue,
} from "./step-series.js";

const ownFigures = [
  "cvar",
  "kl_mean",
  "beta",
  "entropy",
  "clip_fraction",
  "loss_value",
  "grad_norm",
] as const;
export type TrainingChart =
  | "reward_mean"
  | (typeof searched)[number]
  | ComponentSeries
  | (typeof ownFigures)[number];

/** The reward, its components where there are several, and the rest; the hardest part of an adaptive draw. */
export function trainingCharts(steps: TrialModel["steps"]): readonly TrainingChart[] {
  const components = Object.keys(steps.at(-1)?.head.components ?? {});
  const drawn = steps.at(-1)?.head.sampling === undefined ? [] : (["batch_fraction"] as const);
  return ["reward_mean", ...components.map(componentSeries), ...ownFigures, ...drawn];
}

/** Found by a search alone: what an engine or the risk layer tells beside the figures above. */
const searched = [
  "return_mean",
  "tail_mean",
  "var",
  "alpha",
  "kept",
  "failed",
  "loss_policy",
  "batch_fraction",
  "length_mean",
  "episodes_per_s",
] as const;

/**
 * Those that a regular expression finds in their names, whatever the case; a pattern that is not
 * sound yet is taken as a piece of the name. Empty: the panel's own.
 *
 * @returns empty: nothing has such a name
 */
export function foundCharts(
  steps: TrialModel["steps"],
  pattern: string,
  names: NamesView,
  style: ViewStyle,
): readonly TrainingChart[] {
  const own = trainingCharts(steps);
  if (pattern === "") {
    return own;
  }
  const matches = matcherOf(pattern);
  const all = [...own, ...searched.filter((name) => !own.includes(name))];
  return all.filter((chart) => matches(chartName(chart, names, true, style)) || matches(chart));
}

/** Longest pattern that is taken as an expression: those that are typed are short. */
const longestPattern = 60;

function matcherOf(pattern: string): (name: string) => boolean {
  try {
    const expression = new RegExp(pattern.slice(0, longestPattern), "i");
    return (name) => expression.test(name);
  } catch {
    // Not sound yet: it is still being typed.
    return (name) => name.toLowerCase().includes(pattern.toLowerCase());
  }
}

/** Of the panel's input, what names need. */
export interface NamesView {
  readonly klTarget: number | null;
  readonly alpha: number;
}

/** What values need besides. */
export interface FiguresView extends NamesView {
  readonly steps: TrialModel["steps"];
  readonly other: { readonly steps: TrialModel["steps"] } | null;
  readonly iteration: number | null;
}

/** @param isWide false: names are shortened */
export function chartName(
  chart: TrainingChart,
  { klTarget, alpha }: NamesView,
  isWide: boolean,
  style: ViewStyle,
): string {
  const target = klTarget === null ? null : settingNumber(klTarget, style);
  const arrow = style.unicode ? "→" : "->";
  const component = seriesComponent(chart);
  if (component !== null) {
    return modelText(component, { revealed: true, room: isWide ? 24 : 13, style });
  }
  const names: Readonly<Record<Exclude<TrainingChart, ComponentSeries>, string>> = {
    reward_mean: "raw reward",
    cvar: `CVaR ${settingNumber(alpha, style)}`,
    kl_mean: target === null ? "KL" : isWide ? `KL (target ${target})` : `KL ${arrow} ${target}`,
    beta: style.unicode ? "β" : "beta",
    entropy: "entropy",
    clip_fraction: isWide ? "clip fraction" : "clip frac",
    loss_value: "value loss",
    batch_fraction: isWide ? "hardest prompts" : "hardest",
    return_mean: isWide ? "mean return" : "return",
    tail_mean: isWide ? "mean of kept" : "mean kept",
    var: `VaR ${settingNumber(alpha, style)}`,
    alpha: style.unicode ? "α'" : "alpha'",
    kept: isWide ? "episodes kept" : "kept",
    failed: isWide ? "failed rewards" : "failed",
    loss_policy: isWide ? "policy loss" : "pol. loss",
    length_mean: isWide ? "mean length, tokens" : "length",
    episodes_per_s: isWide ? "episodes per second" : "episodes/s",
    grad_norm: isWide ? "gradient norm" : "grad norm",
  };
  return names[chart as keyof typeof names];
}

/** Columns that a heading with full names needs. */
const fullHeading = 34;

export function chartHeading(
  chart: TrainingChart,
  input: FiguresView,
  width: number,
  style: ViewStyle,
): Line {
  const { steps, other, iteration } = input;
  const now = shortNumber(figureAt(steps, iteration, chart), style);
  const behind = other === null ? null : valueReached(other.steps, iteration, chart);
  return [
    { text: chartName(chart, input, width >= fullHeading, style), bold: true },
    { text: ` ${now.padEnd(numberWidth - 1)}`, color: "cyan" },
    { text: other === null ? "" : ` (${shortNumber(behind, style)})`, dim: true },
  ];
}

/** Of the iteration in view, or of the last where that is still ahead. */
function valueReached(
  steps: TrialModel["steps"],
  iteration: number | null,
  chart: TrainingChart,
): number | null {
  const last = steps.at(-1)?.head;
  const isAhead =
    iteration !== null && last !== undefined && iteration > iterationNumber(last.step);
  return figureAt(steps, isAhead ? iterationNumber(last.step) : iteration, chart);
}

/** Of the iteration in view; without one, of the last. */
export function figureAt(
  steps: TrialModel["steps"],
  iteration: number | null,
  chart: TrainingChart,
): number | null {
  const is = (step: TrialModel["steps"][number] | undefined): boolean =>
    step !== undefined && iterationNumber(step.head.step) === iteration;
  // Iterations are in order, and mostly none is missing.
  const guess = iteration === null ? steps.at(-1) : steps[iteration - 1];
  const found: StepHead | undefined = (iteration === null || is(guess) ? guess : steps.find(is))
    ?.head;
  return found === undefined ? null : seriesValue(found, chart);
}
