/** What the training panel draws, by name and by value at a step. */
import type { Line, ViewStyle } from "../line.js";
import type { StepHead, TrialModel } from "../model/run-model.js";
import { settingNumber, shortNumber } from "./field.js";

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

export function chartName(
  chart: TrainingChart,
  { klTarget, alpha }: FiguresView,
  style: ViewStyle,
): string {
  const names: Readonly<Record<TrainingChart, string>> = {
    reward_mean: "reward mean",
    cvar: `CVaR ${settingNumber(alpha, style)}`,
    kl_mean: klTarget === null ? "KL" : `KL (target ${settingNumber(klTarget, style)})`,
    beta: style.unicode ? "β" : "beta",
    entropy: "entropy",
    clip_fraction: "clip fraction",
    loss_value: "value loss",
    grad_norm: "gradient norm",
  };
  return names[chart];
}

export function chartHeading(chart: TrainingChart, input: FiguresView, style: ViewStyle): Line {
  const { steps, other, step } = input;
  const now = valueAtStep(steps, step, chart);
  const behind = other === null ? null : valueAtStep(other.steps, step, chart);
  return [
    { text: chartName(chart, input, style), bold: true },
    { text: `  ${shortNumber(now, style)}`, color: "cyan" },
    { text: other === null ? "" : `  (${shortNumber(behind, style)})`, dim: true },
  ];
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
