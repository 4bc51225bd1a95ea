/** Each arm's tail against what it may have paid for it: one point per arm, in every panel. */
import { armStyles } from "../arm-style.js";
import { type MetricColumn, metricColumnOf } from "../metric-columns.js";
import type { ReportData } from "../report-data.js";
import { type Curve, intervalBar, type PlotPanel, type PlotSpec } from "./panel.js";

/** The first of each that the run has; of the many measures of one thing one panel is enough. */
const shown: readonly (readonly string[])[] = [
  ["self_bleu", "dist_2"],
  ["dist_2_per_prompt", "dist_3"],
  ["fluency", "perplexity"],
  ["harmless_reward"],
  ["length_mean"],
  ["kl_mean"],
];
const mostPanels = 6;

export function gainAndCost(data: ReportData): PlotSpec | null {
  const { arms } = data.evaluation;
  const names = Object.keys(arms);
  const trained = names.some((arm) => data.run.experiment.arms[arm]?.stage === "rl");
  const styles = armStyles(data.arms, data.run.experiment.arms);
  const isKnown = (metric: string): boolean =>
    names.filter((arm) => arms[arm]!.metrics[metric] !== undefined).length > 1;
  const costs = shown
    .flatMap((alike) => alike.find(isKnown) ?? [])
    .map((metric) => metricColumnOf(metric)!);
  if (!trained || costs.length === 0 || !isKnown("tail_reward")) {
    return null;
  }
  const panels = costs.slice(0, mostPanels).map(
    (column): PlotPanel => ({
      title: `Tail reward against ${column.title}`,
      x: { name: axisName(column), fromZero: column.metric === "kl_mean" },
      y: { name: "tail reward, raw" },
      curves: names.flatMap((arm): Curve[] => {
        const [x, y] = [arms[arm]!.metrics[column.metric], arms[arm]!.metrics.tail_reward];
        if (x === undefined || y === undefined) {
          return [];
        }
        const point = { x: x.mean * column.factor, y: y.mean };
        const same = { name: arm, style: styles.get(arm)!, shape: "line" as const };
        // KL is never negative; an interval of its mean may be.
        const lowest = column.metric === "kl_mean" ? 0 : Number.NEGATIVE_INFINITY;
        const bars = [
          (x.ci95 ?? []).map((end) => ({ x: Math.max(lowest, end * column.factor), y: point.y })),
          (y.ci95 ?? []).map((end) => ({ x: point.x, y: end })),
        ];
        // Two seeds' intervals are as wide as the panel.
        const enough = y.per_seed.length > 2;
        return [
          { ...same, points: [point], markers: "all" },
          ...bars.flatMap((ends): Curve[] =>
            ends.length === 0 || !enough ? [] : [intervalBar(arm, same.style, ends)],
          ),
        ];
      }),
    }),
  );
  return {
    id: "gain-and-cost",
    title: "Gain and cost",
    caption:
      "One point per arm, the final policy: further up is a better tail; an arm that is also on the " +
      "worse side of the start on an x axis paid for it there. Thin lines are 95 % intervals over " +
      "seeds, where there are three or more.",
    panels,
    columns: Math.min(2, panels.length),
  };
}

function axisName({ title, better }: MetricColumn): string {
  return better === "neither" ? title : `${title} (${better} is better)`;
}
