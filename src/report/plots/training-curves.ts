/** What each arm's training did, iteration by iteration. */

import { klControllerAt } from "../../risk/kl-stages.js";
import type { Point } from "../../stats/interpolation.js";
import { mean } from "../../stats/intervals.js";
import { riskFigureName } from "../../text/risk-figure-name.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Axis, Curve, Mark, PlotPanel, PlotSpec } from "./panel.js";
import { aboveZero, seedMean } from "./seed-mean.js";

type StepHead = ReportData["trials"][number]["steps"][number];

/** More points than this are averaged in groups: a line of noise shows nothing. */
const pointsOnPaper = 60;

/** What is drawn; a report's data fits. */
export interface TrainingData {
  readonly arms: readonly string[];
  readonly trials: readonly Pick<ReportData["trials"][number], "arm" | "steps">[];
  readonly run: { readonly experiment: Pick<ReportData["run"]["experiment"], "arms"> };
}

/** Null: no arm has an iteration. */
export function trainingCurves(data: TrainingData, mostPoints = pointsOnPaper): PlotSpec | null {
  const arms = data.arms.filter((arm) =>
    data.trials.some((trial) => trial.arm === arm && trial.steps.length > 0),
  );
  if (arms.length === 0) {
    return null;
  }
  const longest = Math.max(...data.trials.map((trial) => trial.steps.length));
  const group = Math.ceil(longest / mostPoints);
  const styles = armStyles(data.arms, data.run.experiment.arms);
  const panel = (
    title: string,
    unit: string,
    figure: (step: StepHead) => number | null,
    rest: Partial<Pick<Axis, "min" | "max" | "fromZero">> & {
      readonly marks?: readonly Mark[];
    } = {},
  ): PlotPanel => {
    const { marks, ...range } = rest;
    return {
      title,
      x: { name: "iteration", min: 0 },
      y: { name: unit, ...range },
      curves: arms.flatMap((arm): Curve[] => {
        const seeds = data.trials
          .filter((trial) => trial.arm === arm)
          .map((trial) => grouped(trial.steps, figure, group))
          .filter((points) => points.length > 0);
        const style = styles.get(arm)!;
        return seeds.length === 0
          ? []
          : [
              {
                ...{ name: arm, style, shape: "line", markers: "some" },
                ...(range.fromZero === true ? aboveZero(seedMean(seeds)) : seedMean(seeds)),
              },
            ];
      }),
      ...(marks === undefined ? {} : { marks }),
    };
  };
  return {
    id: "training-curves",
    title: "Training",
    caption:
      "These are figures of the training batches, so arms that draw more hard prompts look worse " +
      "than they are, unless they are weighted back to the data's mix: compare arms by the table, and " +
      "read here whether each one is still learning" +
      `${group > 1 ? `; every point is the mean of ${group} iterations` : ""}.`,
    panels: [
      panel("Mean reward", "raw reward", (step) => step.reward_mean),
      ...componentNames(data, arms).map((name) =>
        panel(
          `Mean score of ${name}`,
          "raw score",
          (step) => step.components?.[name]?.mean ?? null,
        ),
      ),
      panel("CVaR at the target α", "return", (step) => step.cvar),
      panel("KL from SFT", "nats per episode", (step) => step.kl_mean, {
        marks: targetMarks(data, arms),
        fromZero: true,
      }),
      panel("β, weight of the KL penalty", "β", (step) => step.beta, { min: 0 }),
      panel("Kept fraction of the batch (α')", "kept / batch", (step) => step.kept / step.batch, {
        min: 0,
        max: 1,
      }),
      ...(data.trials.some(({ steps }) => steps.at(-1)?.annealing !== undefined)
        ? [
            panel("α' of the closed loop", "fraction", (step) => step.alpha, { min: 0, max: 1 }),
            panel("Iterations that held α'", "held / iterations", heldOf, { min: 0, max: 1 }),
          ]
        : []),
      ...(data.trials.some(({ steps }) => steps.some(({ effective }) => effective !== undefined))
        ? [
            panel(
              "Effective sample size of the weights",
              "episodes",
              (step) => step.effective ?? step.kept,
              { min: 0 },
            ),
          ]
        : []),
      ...riskFigureNames(data, arms).map((name) =>
        panel(
          `Risk measure: ${riskFigureName(name)}`,
          riskFigureName(name),
          (step) => step.risk_figures?.[name] ?? null,
        ),
      ),
      panel("Entropy", "nats per token", (step) => step.entropy),
      ...(data.trials.some(({ steps }) => steps.at(-1)?.sampling !== undefined)
        ? [
            panel(
              "Effective sample size",
              "effective / batch",
              ({ sampling, batch, failed }) =>
                sampling === undefined ? null : sampling.effective / (batch - failed),
              { min: 0, max: 1 },
            ),
          ]
        : []),
      ...(data.trials.some(({ steps }) => steps.at(-1)?.groups !== undefined)
        ? [
            panel("Spread within prompts", "return, SD", (step) => step.groups?.spread ?? null, {
              min: 0,
            }),
            panel(
              "Prompts without signal",
              "equal rewards / prompts",
              ({ groups }) => (groups === undefined ? null : groups.equal / groups.prompts),
              { min: 0, max: 1 },
            ),
          ]
        : []),
    ],
    columns: 2,
  };
}

/** Thresholds, multipliers and the like of all arms; most measures have none. */
function riskFigureNames(data: TrainingData, arms: readonly string[]): string[] {
  const heads = data.trials.flatMap(({ arm, steps }) =>
    arms.includes(arm) ? (steps.at(-1) ?? []) : [],
  );
  return [...new Set(heads.flatMap(({ risk_figures }) => Object.keys(risk_figures ?? {})))];
}

/** Of all arms, in the order of their configuration; none where there is one component. */
function componentNames(data: TrainingData, arms: readonly string[]): string[] {
  const heads = data.trials.flatMap(({ arm, steps }) =>
    arms.includes(arm) ? (steps.at(-1) ?? []) : [],
  );
  return [...new Set(heads.flatMap(({ components }) => Object.keys(components ?? {})))];
}

/** 1 where a closed loop let α' stay though it was over α, 0 where it was lowered. */
function heldOf({ annealing }: StepHead): number | null {
  if (annealing === undefined || annealing.cause === "reached") return null;
  return annealing.cause === "lowered" ? 0 : 1;
}

/** The KL that β is steered to, where it is steered at all; arms may differ. */
function targetMarks(data: TrainingData, arms: readonly string[]): Mark[] {
  const targets = new Set<number>();
  for (const arm of arms) {
    const kl = data.run.experiment.arms[arm]?.kl;
    if (kl === undefined) continue;
    for (const from of [0, ...kl.schedule.map((stage) => stage.from)]) {
      const { target, k_beta } = klControllerAt(kl, from);
      if (k_beta > 0) targets.add(target);
    }
  }
  return [...targets].map((at) => ({ axis: "y", at, label: "target" }));
}

/**
 * Means over groups of iterations, at the middle of each group, counted from 1; a group without a
 * figure has none.
 */
function grouped(
  steps: readonly StepHead[],
  figure: (step: StepHead) => number | null,
  size: number,
): Point[] {
  const groups = new Map<number, number[]>();
  for (const step of steps) {
    const key = Math.floor(step.step / size);
    const value = figure(step);
    if (value !== null) {
      groups.set(key, [...(groups.get(key) ?? []), value]);
    }
  }
  return [...groups].map(([key, values]) => ({
    x: key * size + (size + 1) / 2,
    y: mean(values),
  }));
}
