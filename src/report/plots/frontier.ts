/** An arm's tail along its checkpoints, against what it cost: the curves that a frontier is. */
import type { FrontierPoint } from "../../analysis/evaluation.js";
import type { ArmConfig } from "../../config/schema/experiment.js";
import { mean, sd } from "../../stats/intervals.js";
import { formatCount } from "../../text/numbers.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import { type Curve, klAxis, type PlotSpec } from "./panel.js";

type Quantity = (point: FrontierPoint) => number;

/**
 * One curve per arm through the means over seeds at each checkpoint, with a band of one standard
 * deviation. Seeds reach a checkpoint at different cost: means are taken along both axes.
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
    const groups = [...byStep(points).values()];
    if (groups.length === 0) {
      return [];
    }
    const band = groups.flatMap((group) => {
      const values = group.map(gain);
      const [x, centre, spread] = [mean(group.map(cost)), mean(values), sd(values)];
      return spread === null ? [] : [{ x, low: centre - spread, high: centre + spread }];
    });
    return [
      {
        name: arm,
        style,
        points: groups.map((group) => ({ x: mean(group.map(cost)), y: mean(group.map(gain)) })),
        ...(band.length === 0 ? {} : { band }),
        shape: "line",
        markers: "all",
      },
    ];
  });
}

function stageOf(data: ReportData, arm: string): ArmConfig["stage"] {
  return data.run.experiment.arms[arm]?.stage ?? "rl";
}

/** Ascending in step, so that lines run forward in training. */
function byStep(points: readonly FrontierPoint[]): Map<number, FrontierPoint[]> {
  const groups = new Map<number, FrontierPoint[]>();
  for (const point of points.toSorted((a, b) => a.step - b.step)) {
    groups.set(point.step, [...(groups.get(point.step) ?? []), point]);
  }
  return groups;
}

/** For a caption; empty with one seed. */
export function bandText({ evaluation }: Pick<ReportData, "evaluation">): string {
  const several = Object.values(evaluation.frontier).some(
    (points) => new Set(points.map(({ seed }) => seed)).size > 1,
  );
  return several ? " Bands are one standard deviation over seeds on either side of the mean." : "";
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
      "to the left, and is ahead where its line is higher at the same x." +
      bandText(data),
    panels: [
      {
        title: "Tail reward against trained tokens",
        x: { name: "trained tokens (kept × tokens × epochs)", format: formatCount },
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
      pointsText(data) +
      bandText(data),
    panels: [
      {
        title: "Tail reward against distance from SFT",
        x: klAxis,
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
