/** Mean and tail of each reward component by itself, against the distance from SFT. */
import type { FrontierPoint } from "../../analysis/evaluation.js";
import type { ReportData } from "../report-data.js";
import { bandText, frontierCurves } from "./frontier.js";
import { klAxis, type PlotPanel, type PlotSpec } from "./panel.js";

const figures = [
  ["reward_mean", "Mean"],
  ["cvar_0.1", "CVaR at 0.1"],
] as const;

/** Null where there is one component, or no arm has checkpoints. */
export function componentCurves(data: ReportData): PlotSpec | null {
  const { frontier } = data.evaluation;
  const names = [
    ...new Set(
      Object.values(frontier)
        .flat()
        .flatMap(({ components }) => Object.keys(components ?? {})),
    ),
  ];
  if (names.length < 2) {
    return null;
  }
  const panels = names.flatMap((name) => {
    const known = Object.entries(frontier).map(([arm, points]) => [
      arm,
      points.filter(({ components }) => components?.[name] !== undefined),
    ]);
    const own = {
      ...data,
      evaluation: { ...data.evaluation, frontier: Object.fromEntries(known) },
    };
    return figures.map(([figure, title]): PlotPanel => {
      const value = (point: FrontierPoint): number => point.components![name]![figure];
      return {
        title: `${title} of ${name}`,
        x: klAxis,
        y: { name: "raw score" },
        curves: frontierCurves(
          own,
          (point) => point.kl,
          () => true,
          value,
        ),
      };
    });
  });
  return {
    id: "component-curves",
    title: "Each reward component",
    caption:
      "The same arms by the raw scores of each component alone, on test prompts: a component whose " +
      `line falls pays for the others.${bandText(data)}`,
    panels,
    columns: 2,
  };
}
