/** What the training panel draws, by name and by value at a step. */

import type { StepHead, TrialModel } from "../../run-model/run-model.js";
import type { Line, ViewStyle } from "../line.js";
import { numberWidth, settingNumber, shortNumber } from "./field.js";

export const trainingCharts = [
  "reward_mean",
  "cvar",
  "kl_mean",
  "beta",
  "entropy",
  "clip_fraction",
  "loss_value",
  "grad_norm",
] as const;
export type TrainingChart = (typeof trainingCharts)[number];

/** Of the panel's input, what names and values need. */
export interface FiguresView {
  readonly steps: TrialModel["steps"];
  readonly other: { readonly steps: TrialModel["steps"] } | null;
  readonly step: number | null;
  readonly klTarget: number | null;
  readonly alpha: number;
}

/** @param isWide false: names are shortened */
export function chartName(
  chart: TrainingChart,
  { klTarget, alpha }: FiguresView,
  isWide: boolean,
  style: ViewStyle,
): string {
  const target = klTarget === null ? null : settingNumber(klTarget, style);
  const arrow = style.unicode ? "→" : "->";
  const names: Readonly<Record<TrainingChart, string>> = {
    reward_mean: "reward mean",
    cvar: `CVaR ${settingNumber(alpha, style)}`,
    kl_mean: target === null ? "KL" : isWide ? `KL (target ${target})` : `KL ${arrow} ${target}`,
    beta: style.unicode ? "β" : "beta",
    entropy: "entropy",
    clip_fraction: isWide ? "clip fraction" : "clip frac",
    loss_value: "value loss",
    grad_norm: isWide ? "gradient norm" : "grad norm",
  };
  return names[chart];
}

/** Columns that a heading with full names needs. */
const fullHeading = 34;

export function chartHeading(
  chart: TrainingChart,
  input: FiguresView,
  width: number,
  style: ViewStyle,
): Line {
  const { steps, other, step } = input;
  const now = shortNumber(valueAtStep(steps, step, chart), style);
  const behind = other === null ? null : valueReached(other.steps, step, chart);
  return [
    { text: chartName(chart, input, width >= fullHeading, style), bold: true },
    { text: ` ${now.padEnd(numberWidth - 1)}`, color: "cyan" },
    { text: other === null ? "" : ` (${shortNumber(behind, style)})`, dim: true },
  ];
}

/** Of the step in view, or of the last where that step is still ahead. */
function valueReached(
  steps: TrialModel["steps"],
  step: number | null,
  chart: TrainingChart,
): number | null {
  const last = steps.at(-1)?.head.step ?? null;
  const isAhead = step !== null && last !== null && step > last;
  return valueAtStep(steps, isAhead ? last : step, chart);
}

/** Of the step in view; without one, of the last. */
export function valueAtStep(
  steps: TrialModel["steps"],
  step: number | null,
  chart: TrainingChart,
): number | null {
  const found: StepHead | undefined =
    step === null
      ? steps.at(-1)?.head
      : // Steps are in order, and mostly none is missing.
        (steps[step]?.head.step === step
          ? steps[step]
          : steps.find(({ head }) => head.step === step)
        )?.head;
  return found?.[chart] ?? null;
}
