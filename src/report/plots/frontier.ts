/** An arm's tail along its checkpoints, against what it cost: the curves that a frontier is. */

import { mean } from "../../domain/statistics.js";
import type { FrontierPoint } from "../../experiment/evaluation.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve } from "./panel.js";

/**
 * One bold curve an arm through the means over seeds at each checkpoint, and a faint one a seed.
 * Seeds reach a checkpoint at different cost: means are taken along both axes.
 */
export function frontierCurves(data: ReportData, cost: (point: FrontierPoint) => number): Curve[] {
  const styles = armStyles(data.arms);
  return Object.entries(data.evaluation.frontier).flatMap(([arm, points]) => {
    const style = styles.get(arm) ?? armStyles([arm]).get(arm)!;
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
