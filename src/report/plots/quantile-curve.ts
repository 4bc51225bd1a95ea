/** Mean reward of the completions against how bad the prompt was to begin with. */

import type { EvaluatedEvent } from "../../journal/events.js";
import { binnedMeans } from "../../stats/binned-means.js";
import type { Point } from "../../stats/interpolation.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve, PlotSpec } from "./panel.js";
import { seedMean } from "./seed-mean.js";

const mostBins = 20;
const fewestPerBin = 10;

export function quantileCurve(data: ReportData): PlotSpec | null {
  const styles = armStyles(data.arms, data.run.experiment.arms);
  const curves: Curve[] = [];
  for (const arm of data.arms) {
    const seeds = data.trials
      .filter((trial) => trial.arm === arm && trial.final !== null)
      .map((trial) => rewardByQuantile(trial.final!));
    if (seeds.length > 0) {
      const style = styles.get(arm)!;
      curves.push({ name: arm, style, ...seedMean(seeds), shape: "line", markers: "all" });
    }
  }
  if (curves.length === 0) {
    return null;
  }
  const tail = data.run.experiment.evaluation.tail_fraction;
  return {
    id: "reward-by-prompt",
    title: "Reward by how bad the prompt was",
    caption:
      "The prompts that score worst on their own are on the left, up to the dashed line those of " +
      "the tail reward: there a line that lies higher means less harm where harm is likely.",
    panels: [
      {
        title: "Mean reward of completions by quantile of the prompt's own score",
        x: { name: "quantile of prompt score (0: worst prompt)", min: 0, max: 1 },
        y: { name: "mean raw reward" },
        curves,
        marks: [{ axis: "x", at: tail, label: "← tail", side: tail < 0.15 ? "right" : "left" }],
      },
    ],
    columns: 1,
  };
}

/** Mean reward of completions by quantile of their prompts' own score, worst prompts first. */
export function rewardByQuantile(evaluated: Pick<EvaluatedEvent, "arrays">): Point[] {
  const { prompt_score, reward } = evaluated.arrays;
  const scores: number[] = [];
  const rewards: number[] = [];
  prompt_score.forEach((score, at) => {
    const value = reward[at];
    if (score !== null && value != null) {
      scores.push(score);
      rewards.push(value);
    }
  });
  const bins = Math.max(1, Math.min(mostBins, Math.floor(scores.length / fewestPerBin)));
  return binnedMeans(scores, rewards, bins).map(({ quantile, y }) => ({ x: quantile, y }));
}
