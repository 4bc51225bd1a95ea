/** The joint objective's two sides: the tail of one reward component, and the mean of the others. */
import type { FrontierPoint } from "../../analysis/evaluation.js";
import { rewardComponents } from "../../config/rewards/components.js";
import { componentInForce } from "../../risk/terms.js";
import { metricOf } from "../../text/metric-words.js";
import { armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import { bandText, frontierCurves } from "./frontier.js";
import type { Curve, PlotPanel, PlotSpec } from "./panel.js";

/**
 * CVaR₀.₁ of each component that an arm's risk acts on, against the weighted mean of the others: every arm
 * along its checkpoints, and a point where it has none. Null: no arm's risk acts on one component.
 */
export function qualityAndTail(data: ReportData): PlotSpec | null {
  const { experiment } = data.run;
  const trained = Object.values(experiment.arms).filter(({ stage }) => stage === "rl");
  const acted = new Map(
    trained.flatMap((arm) => {
      const component = componentInForce(arm.risk);
      return component === null ? [] : [[component, arm] as const];
    }),
  );
  const panels = [...acted].flatMap(([component, arm]): PlotPanel[] => {
    const others = rewardComponents(arm.reward).filter(({ name }) => name !== component);
    const sides: Sides = {
      quality: (mean) => others.reduce((sum, { name, weight }) => sum + weight * mean(name), 0),
      component,
    };
    const curves = [...alongTheWay(data, sides), ...finalPoints(data, sides)];
    const words = others.map(({ name, weight }) => (weight === 1 ? name : `${weight} · ${name}`));
    return curves.length === 0
      ? []
      : [
          {
            title: `Tail of ${component} against the mean of ${words.join(" + ")}`,
            x: { name: `mean of ${words.join(" + ")}, raw` },
            y: { name: `CVaR at 0.1 of ${component}, raw` },
            curves,
          },
        ];
  });
  return panels.length === 0
    ? null
    : {
        id: "quality-and-tail",
        title: "Quality and tail",
        caption:
          "The two sides of a joint objective, both on test prompts: to the right is more of the " +
          "other components on average, up is a better tail of the one that risk acts on. A line is " +
          "an arm on its way through training; an arm that lies above and to the right of another is " +
          `better on both sides.${bandText(data)}`,
        panels,
        columns: Math.min(2, panels.length),
      };
}

interface Sides {
  /** Of the components' means by name. */
  readonly quality: (mean: (name: string) => number) => number;
  readonly component: string;
}

function alongTheWay(data: ReportData, { quality, component }: Sides): Curve[] {
  const known = Object.entries(data.evaluation.frontier).map(([arm, points]) => [
    arm,
    points.filter(({ components }) => components?.[component] !== undefined),
  ]);
  const evaluation = { ...data.evaluation, frontier: Object.fromEntries(known) };
  const meanOf = (point: FrontierPoint) => (name: string) =>
    point.components?.[name]?.reward_mean ?? 0;
  return frontierCurves(
    { ...data, evaluation },
    (point) => quality(meanOf(point)),
    () => true,
    (point) => point.components![component]!["cvar_0.1"],
  );
}

/** Of arms without checkpoints: the means over seeds of the final evaluation. */
function finalPoints(data: ReportData, { quality, component }: Sides): Curve[] {
  const styles = armStyles(data.arms, data.run.experiment.arms);
  return Object.entries(data.evaluation.arms).flatMap(([name, { metrics }]): Curve[] => {
    const tail = metrics[metricOf("cvar_0.1", component)];
    if (tail === undefined || (data.evaluation.frontier[name] ?? []).length > 0) {
      return [];
    }
    const mean = (other: string) => metrics[metricOf("reward_mean", other)]?.mean ?? 0;
    const point = { x: quality(mean), y: tail.mean };
    return [{ name, style: styles.get(name)!, points: [point], shape: "line", markers: "all" }];
  });
}
