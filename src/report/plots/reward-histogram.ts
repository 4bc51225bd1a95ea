/** Rewards on the test prompts, after SFT and after each arm's training. */
import { histogram } from "../../stats/histogram.js";
import { mean, sd } from "../../stats/intervals.js";
import { formatNumber } from "../../text/numbers.js";
import { type ArmStyle, armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve, PlotPanel, PlotSpec } from "./panel.js";
import { roundEdges } from "./round-edges.js";

/** Null where no two arms can be compared. */
export function rewardHistogram(data: ReportData): PlotSpec | null {
  const rewards = finalRewards(data);
  const { arms } = data.run.experiment;
  const all = [...rewards.keys()];
  const before = all.find((arm) => arms[arm]?.stage === "sft") ?? all[0];
  if (before === undefined || rewards.size < 2) {
    return null;
  }
  const edges = commonEdges([...rewards.values()].flat());
  const { harm_threshold: threshold, harm_component } = data.run.experiment.evaluation;
  const onReward = harm_component === null;
  const styles = armStyles(data.arms, data.run.experiment.arms);
  const curve = (arm: string): Curve => outline(arm, styles.get(arm)!, rewards.get(arm)!, edges);
  const highest = Math.max(
    ...[...rewards.keys()].flatMap((arm) => curve(arm).points.map(({ y }) => y)),
  );
  const harmAt = onReward ? threshold : null;
  const place = ((harmAt ?? 0) - edges[0]!) / (edges.at(-1)! - edges[0]!);
  const side = place < 0.2 ? "right" : "left";
  const after = [...rewards.keys()].filter((arm) => arm !== before);
  const panels: PlotPanel[] = after.map((arm) => ({
    title:
      harmAt === null
        ? arm
        : `${arm}: harm ${harm(rewards.get(before)!.flat(), harmAt)} → ${harm(rewards.get(arm)!.flat(), harmAt)}`,
    x: { name: "raw reward of a completion", min: edges[0]!, max: edges.at(-1)! },
    y: { name: "completions, %", min: 0, max: Math.ceil(highest / 5) * 5 },
    curves: [curve(before), curve(arm)],
    marks: harmAt === null ? [] : [{ axis: "x", at: harmAt, label: "← harm", side }],
  }));
  return {
    id: "reward-histogram",
    title: "Rewards before and after",
    caption:
      `Each panel lays one arm's rewards over those of ${before}, on the same test prompts` +
      (harmAt === null
        ? "."
        : ": what matters here is how much of the area left of the dashed harm line is gone.") +
      ([...rewards.values()].some((seeds) => seeds.length > 1)
        ? " All seeds together; bands are one standard deviation over seeds."
        : ""),
    panels,
    columns: Math.min(2, panels.length),
  };
}

function harm(rewards: readonly number[], threshold: number): string {
  const under = rewards.filter((reward) => reward < threshold).length;
  return `${formatNumber((100 * under) / rewards.length, 1)} %`;
}

/** Over all rewards of all arms, so that panels compare. */
function commonEdges(arms: readonly (readonly number[])[]): number[] {
  let low = Infinity;
  let high = -Infinity;
  for (const reward of arms.flat()) {
    low = Math.min(low, reward);
    high = Math.max(high, reward);
  }
  return roundEdges(low, high);
}

function outline(
  arm: string,
  style: ArmStyle,
  seeds: readonly (readonly number[])[],
  edges: readonly number[],
): Curve {
  const heights = (rewards: readonly number[]): number[] =>
    histogram(rewards, edges).counts.map((count) => (100 * count) / rewards.length);
  const all = heights(seeds.flat());
  const bySeed = seeds.map(heights);
  const band = all.flatMap((_, bin) => {
    const values = bySeed.map((own) => own[bin]!);
    const [centre, spread] = [mean(values), sd(values)];
    if (spread === null) return [];
    const ends = { low: Math.max(0, centre - spread), high: centre + spread };
    return [edges[bin]!, edges[bin + 1]!].map((x) => ({ x, ...ends }));
  });
  // Steps hold to the right: the last bin needs its upper edge to close.
  const points = edges.map((x, at) => ({ x, y: all[at] ?? 0 }));
  return {
    ...{ name: arm, style, points, shape: "step", markers: "none" },
    ...(band.length === 0 ? {} : { band }),
  };
}

/** Raw rewards of each arm's final evaluation by seed; without those that diverged. */
function finalRewards(data: ReportData): ReadonlyMap<string, readonly (readonly number[])[]> {
  const rewards = new Map<string, (readonly number[])[]>();
  for (const arm of data.arms) {
    const values = data.trials
      .filter((trial) => trial.arm === arm && trial.final !== null)
      .map((trial) => trial.final!.arrays.reward.filter((reward) => reward !== null))
      .filter((own) => own.length > 0);
    if (values.length > 0) {
      rewards.set(arm, values);
    }
  }
  return rewards;
}
