/** An arm's tail along its checkpoints, against what it cost: the curves that a frontier is. */
import type { FrontierPoint } from "../../analysis/evaluation.js";
import { mean } from "../../stats/intervals.js";
import { formatCount } from "../../text/numbers.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve, PlotSpec } from "./panel.js";

/**
 * One bold curve per arm through the means over seeds at each checkpoint, and a faint one per seed.
 * Seeds reach a checkpoint at different cost: means are taken along both axes.
 */
function frontierCurves(data: ReportData, cost: (point: FrontierPoint) => number): Curve[] {
  const styles = armStyles(data.arms, data.run.experiment.arms);
  return Object.entries(data.evaluation.frontier).flatMap(([arm, points]) => {
    const style = styles.get(arm) ?? armStyles([arm], data.run.experiment.arms).get(arm)!;
    const bySeed = groupBy(points, (point) => point.seed);
    const bySteps = groupBy(points, (point) => point.step);
    const bold: Curve = {
      name: arm,
      style,
      points: [...bySteps.values()].map((group) => ({
        x: mean(group.map(cost)),
        y: mean(group.map((point) => point.tail_reward)),
      })),
      shape: "line",
      markers: "all",
    };
    if (bySeed.size < 2) {
      return bold.points.length > 0 ? [bold] : [];
    }
    const faint = [...bySeed.values()].map(
      (group): Curve => ({
        name: arm,
        style,
        points: group.map((point) => ({ x: cost(point), y: point.tail_reward })),
        shape: "line",
        markers: "none",
        faint: true,
      }),
    );
    return [bold, ...faint];
  });
}

/** Groups ascending in step, so that lines run forward in training. */
function groupBy(
  points: readonly FrontierPoint[],
  key: (point: FrontierPoint) => number,
): Map<number, FrontierPoint[]> {
  const groups = new Map<number, FrontierPoint[]>();
  for (const point of [...points].sort((a, b) => a.step - b.step)) {
    const group = groups.get(key(point));
    if (group === undefined) {
      groups.set(key(point), [point]);
    } else {
      group.push(point);
    }
  }
  return groups;
}

/** Tail reward against what the updates cost, along checkpoints. */
export function tailAgainstCompute(data: ReportData): PlotSpec | null {
  const curves = frontierCurves(data, (point) => point.compute);
  if (curves.length === 0) {
    return null;
  }
  return {
    id: "tail-against-compute",
    title: "Tail against trained tokens",
    caption:
      "The same arms against the work of their updates: an arm that drops episodes stops further " +
      "to the left, and is ahead where its line is higher at the same x.",
    panels: [
      {
        title: "Tail reward against trained tokens",
        x: { name: "tokens in updates (kept episodes × tokens × epochs)", format: formatCount },
        y: { name: "tail reward, raw" },
        curves,
      },
    ],
    columns: 1,
  };
}

/** Tail reward against the distance from the SFT policy, along checkpoints. */
export function tailAgainstKl(data: ReportData): PlotSpec | null {
  const curves = frontierCurves(data, (point) => point.kl);
  if (curves.length === 0) {
    return null;
  }
  return {
    id: "tail-against-kl",
    title: "Tail against KL",
    caption:
      "Each line is one arm on its way through training: at the same KL the higher line has the " +
      "better tail, and an arm that is merely further to the right has only moved further from SFT.",
    panels: [
      {
        title: "Tail reward against distance from SFT",
        x: { name: "KL from the SFT policy, nats per episode" },
        y: { name: "tail reward, raw" },
        curves,
      },
    ],
    columns: 1,
  };
}
