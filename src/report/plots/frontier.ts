/** An arm's tail along its checkpoints, against what it cost: the curves that a frontier is. */
import type { FrontierPoint } from "../../analysis/evaluation.js";
import type { ArmConfig } from "../../config/schema/experiment.js";
import { mean } from "../../stats/intervals.js";
import { formatCount } from "../../text/numbers.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import { type Curve, klAxis, type PlotSpec } from "./panel.js";

type Quantity = (point: FrontierPoint) => number;

/**
 * One bold curve per arm through the means over seeds at each checkpoint, and a faint one per seed.
 * Seeds reach a checkpoint at different cost: means are taken along both axes.
 */
export function frontierCurves(
  data: ReportData,
  cost: Quantity,
  isShown: (stage: ArmConfig["stage"]) => boolean = () => true,
  gain: Quantity = (point) => point.tail_reward,
): Curve[] {
  const styles = armStyles(data.arms, data.run.experiment.arms);
  return Object.entries(data.evaluation.frontier).flatMap(([arm, points]) => {
    if (!isShown(stageOf(data, arm))) {
      return [];
    }
    const style = styles.get(arm) ?? armStyles([arm], data.run.experiment.arms).get(arm)!;
    const bySeed = groupBy(points, (point) => point.seed);
    const bySteps = groupBy(points, (point) => point.step);
    const bold: Curve = {
      name: arm,
      style,
      points: [...bySteps.values()].map((group) => ({
        x: mean(group.map(cost)),
        y: mean(group.map(gain)),
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
        points: group.map((point) => ({ x: cost(point), y: gain(point) })),
        shape: "line",
        markers: "none",
        faint: true,
      }),
    );
    return [bold, ...faint];
  });
}

function stageOf(data: ReportData, arm: string): ArmConfig["stage"] {
  return data.run.experiment.arms[arm]?.stage ?? "rl";
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
  // Whoever decodes in another way trains on no tokens.
  const curves = frontierCurves(
    data,
    (point) => point.compute,
    (stage) => stage !== "decode",
  );
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
      "better tail, and an arm that is merely further to the right has only moved further from SFT." +
      pointsText(data),
    panels: [
      {
        title: "Tail reward against distance from SFT",
        x: { name: klAxis },
        y: { name: "tail reward, raw" },
        curves,
      },
    ],
    columns: 1,
  };
}

/** What the points without a line are; empty: there are none. */
function pointsText(data: ReportData): string {
  const points = Object.keys(data.evaluation.frontier).filter(
    (arm) => stageOf(data, arm) === "decode",
  );
  const best = points.some((arm) => data.run.experiment.arms[arm]!.decoding.best_of > 1);
  if (points.length === 0) {
    return "";
  }
  const bound = best ? " The KL of the best of n is its bound, ln n − (n − 1)/n." : "";
  return ` A point alone (${points.join(", ")}) is an arm that trains nothing.${bound}`;
}
