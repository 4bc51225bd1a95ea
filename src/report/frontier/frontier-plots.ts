/** A frontier over β as plots: figures against KL, and where each arm spends its KL. */
import { seedsToDecide } from "../../analysis/conclusion.js";
import { curveNames, type FinalPolicy } from "../../analysis/equal-kl/policy-table.js";
import { interpolateAt, type Point } from "../../stats/interpolation.js";
import { confidence95, mean } from "../../stats/intervals.js";
import { formatNumber } from "../../text/numbers.js";
import { type ArmStyle, armStyles } from "../arm-style.js";
import { metricColumnOf } from "../metric-columns.js";
import { type Curve, intervalBar, klAxis, type PlotPanel, type PlotSpec } from "../plots/panel.js";
import { seedMean } from "../plots/seed-mean.js";
import { type CurvePoint, curvePoints } from "./frontier-tables.js";

const shown = ["tail_reward", "cvar_0.1", "harm_rate", "judge_tail"] as const;

/** Null: there is nothing but one policy. */
export function frontierPlot(policies: readonly FinalPolicy[]): PlotSpec | null {
  const points = curvePoints(policies);
  if (points.length < 2) return null;
  const styles = stylesOf(policies);
  const panels = shown.flatMap((metric): PlotPanel[] => {
    const column = metricColumnOf(metric)!;
    const curves = [...styles].flatMap(([curve, style]) =>
      curveOf(
        points.filter((point) => point.curve === curve),
        metric,
        column.factor,
        style,
      ),
    );
    const better = column.better === "neither" ? "" : `, ${column.better} is better`;
    return curves.length === 0
      ? []
      : [
          {
            title: `${column.title}${better}`,
            x: klAxis,
            y: { name: column.title },
            curves,
          },
        ];
  });
  return {
    id: "frontier",
    title: "Final policies against KL",
    caption:
      "Each marker is an arm at one β, mean over seeds; lines join an arm's values of β. Bars are 95 % " +
      `intervals over seeds, where there are ${seedsToDecide} or more. Arms are compared where lines stand above each other.`,
    panels,
    columns: Math.min(2, panels.length),
  };
}

function stylesOf(policies: readonly FinalPolicy[]): ReadonlyMap<string, ArmStyle> {
  const curves = curveNames(policies);
  const start = new Set(policies.flatMap(({ curve, role }) => (role === null ? [curve] : [])));
  const stages = curves.map(
    (curve) => [curve, { stage: start.has(curve) ? "sft" : "rl" }] as const,
  );
  return armStyles(curves, Object.fromEntries(stages));
}

function curveOf(
  points: readonly CurvePoint[],
  metric: string,
  factor: number,
  style: ArmStyle,
): Curve[] {
  const read = points.flatMap(({ curve, policies }) => {
    const known = policies.flatMap(({ metrics }) => {
      const [kl, value] = [metrics.kl_mean, metrics[metric]];
      return kl === undefined || value === undefined ? [] : [{ kl, value: value * factor }];
    });
    if (known.length === 0) return [];
    const values = known.map(({ value }) => value);
    const at = { x: mean(known.map(({ kl }) => kl)), y: mean(values) };
    const ends = known.length >= seedsToDecide ? confidence95(values) : null;
    return [{ curve, at, ends }];
  });
  if (read.length === 0) return [];
  const name = read[0]!.curve;
  const sorted = read.toSorted((a, b) => a.at.x - b.at.x);
  return [
    { name, style, shape: "line", markers: "all", points: sorted.map(({ at }) => at) },
    ...sorted.flatMap(({ at, ends }): Curve[] =>
      ends === null
        ? []
        : [
            intervalBar(
              name,
              style,
              ends.map((y) => ({ x: at.x, y })),
            ),
          ],
    ),
  ];
}

const byScore = [
  ["reward", "mean raw reward"],
  ["kl", "KL, nats per episode"],
  ["judge", "mean judge score"],
] as const;

/** Null: no two arms reach one KL. */
export function promptScorePlot(
  policies: readonly FinalPolicy[],
  against: string,
): PlotSpec | null {
  const level = sharedKl(policies, against);
  if (level === null) return null;
  const styles = stylesOf(policies);
  const curves = [...styles.keys()];
  const panels = byScore.flatMap(([figure, name]): PlotPanel[] => {
    const drawn = curves.flatMap((curve): Curve[] => {
      const seeds = seedsOf(policies, curve)
        .map((own) => tenthsAt(own, figure, level))
        .filter((tenths) => tenths !== null);
      if (seeds.length === 0) return [];
      return [
        {
          name: curve,
          style: styles.get(curve)!,
          shape: "line",
          markers: "all",
          ...seedMean(seeds),
        },
      ];
    });
    return drawn.length === 0
      ? []
      : [
          {
            title: `${name}, by tenth of the prompts`,
            x: { name: "quantile of prompt score (0: worst prompt)", min: 0, max: 1 },
            y: { name },
            curves: drawn,
          },
        ];
  });
  const missing = curves.filter((curve) =>
    seedsOf(policies, curve).every((own) => !reaches(own, level)),
  );
  return {
    id: "by-prompt-score",
    title: "Where the KL is spent, and what for",
    caption:
      `Arms at a KL of ${formatNumber(level, 1, { unicode: true })} nats, between their two nearest values of β, ` +
      "by tenth of the test prompts: those that score worst by themselves on the left. Bands are one standard " +
      "deviation over seeds." +
      (missing.length === 0
        ? ""
        : ` Not there, as they do not reach that KL: ${missing.join(", ")}.`),
    panels,
    columns: Math.min(2, panels.length),
  };
}

/** Policies of each seed. */
function seedsOf(policies: readonly FinalPolicy[], curve: string): (readonly FinalPolicy[])[] {
  const own = policies.filter((policy) => policy.curve === curve);
  return [...new Set(own.map(({ seed }) => seed))].map((seed) =>
    own.filter((policy) => policy.seed === seed),
  );
}

/** Of the KL that B's policies end at the one that most arms reach in most seeds; of equals the highest. */
function sharedKl(policies: readonly FinalPolicy[], against: string): number | null {
  const candidates = curvePoints(policies)
    .filter(({ curve }) => curve === against)
    .map(({ policies: own }) => mean(own.map(({ metrics }) => metrics.kl_mean ?? 0)));
  const curves = curveNames(policies);
  const counted = candidates.map((kl) => ({
    kl,
    reached: curves.flatMap((curve) => seedsOf(policies, curve)).filter((own) => reaches(own, kl))
      .length,
  }));
  const best = counted.sort((a, b) => b.reached - a.reached || b.kl - a.kl)[0];
  return best === undefined || best.reached < 2 ? null : best.kl;
}

function reaches(own: readonly FinalPolicy[], kl: number): boolean {
  const reached = own.map(({ metrics }) => metrics.kl_mean ?? 0);
  return Math.min(...reached) <= kl && kl <= Math.max(...reached);
}

/** One seed's curve over the tenths, each read at that KL; null: it is not reached, or not measured. */
function tenthsAt(
  own: readonly FinalPolicy[],
  figure: (typeof byScore)[number][0],
  level: number,
): Point[] | null {
  if (!reaches(own, level)) return null;
  const parts = Math.max(...own.map((policy) => policy.by_prompt_score[figure]?.length ?? 0));
  const points = Array.from({ length: parts }, (_, part): Point | null => {
    const read = own.flatMap(({ metrics, by_prompt_score }) => {
      const y = by_prompt_score[figure]?.[part];
      return y == null ? [] : [{ x: metrics.kl_mean!, y }];
    });
    const y = interpolateAt(read, level);
    return y === null ? null : { x: (part + 0.5) / parts, y };
  });
  const known = points.filter((point) => point !== null);
  return known.length === 0 ? null : known;
}
