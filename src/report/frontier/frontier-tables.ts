/** The tables of a frontier over β, free of the format they are printed in. */
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import { testedFigures } from "../../analysis/equal-kl/curve-differences.js";
import { curveNames, type FinalPolicy } from "../../analysis/equal-kl/policy-table.js";
import type { CurveDifference } from "../../analysis/evaluation.js";
import { overSeeds } from "../../analysis/final-metrics.js";
import { formatNumber, type NumberStyle } from "../../text/numbers.js";
import type { Cell, TableContent } from "../blocks.js";
import { probabilityText } from "../comparison-words.js";
import { type MetricColumn, meanText, metricColumnOf, spreadText } from "../metric-columns.js";

/** What the tail was bought with; not tested. */
const costs = [
  "reward_mean",
  "perplexity",
  "fluency",
  "dist_2",
  "dist_2_per_prompt",
  "length_mean",
  "repetition_rate",
] as const;

/** Policies of one curve and one β. */
export interface CurvePoint {
  readonly curve: string;
  readonly beta: number | null;
  readonly policies: readonly FinalPolicy[];
}

export function curvePoints(policies: readonly FinalPolicy[]): CurvePoint[] {
  const points = new Map<string, FinalPolicy[]>();
  for (const policy of policies) {
    const key = JSON.stringify([policy.curve, policy.beta]);
    points.set(key, [...(points.get(key) ?? []), policy]);
  }
  const order = curveNames(policies);
  return [...points.values()]
    .map((own) => ({ curve: own[0]!.curve, beta: own[0]!.beta, policies: own }))
    .sort(
      (a, b) => order.indexOf(a.curve) - order.indexOf(b.curve) || (b.beta ?? 0) - (a.beta ?? 0),
    );
}

/** Means over seeds, intervals beneath them. */
export function policiesTable(policies: readonly FinalPolicy[], style: NumberStyle): TableContent {
  const points = curvePoints(policies);
  const metrics = new Set(policies.flatMap((policy) => Object.keys(policy.metrics)));
  const columns = shownColumns(metrics, ["kl_mean", ...testedFigures(metrics), ...costs]);
  return {
    head: ["arm", "β", "seeds", ...columns.map(({ title }) => title)],
    rows: points.map(({ curve, beta, policies: own }): Cell[] => [
      { main: curve },
      { main: beta === null ? "" : String(beta) },
      { main: String(own.length) },
      ...columns.map((column): Cell => {
        const perSeed = own.flatMap(({ metrics }) => metrics[column.metric] ?? []);
        if (perSeed.length === 0) return { main: "" };
        const metric = overSeeds(perSeed);
        const enough = perSeed.length >= seedsToDecide;
        return {
          main: meanText(metric, column, style),
          sub: enough ? spreadText(metric, column, "ci", style) : "",
        };
      }),
    ]),
    wordColumns: 2,
  };
}

/** One row per arm: A − B; beneath, its interval, corrected p, and how many seeds have its sign. */
export function differencesTable(
  differences: readonly CurveDifference[],
  figures: "tested" | "costs",
  style: NumberStyle,
): TableContent {
  const metrics = new Set(differences.map(({ metric }) => metric));
  const columns = shownColumns(metrics, figures === "tested" ? testedFigures(metrics) : costs);
  const curves = [...new Set(differences.map(({ a }) => a))];
  return {
    head: ["arm", "KL, nats", "seeds", ...columns.map(({ title }) => title)],
    rows: curves.map((curve): Cell[] => {
      const own = differences.filter(({ a }) => a === curve);
      const [first] = own;
      return [
        { main: curve },
        { main: rangeText(first!.range, style) },
        { main: String(first!.seeds) },
        ...columns.map((column) => {
          const row = own.find(({ metric }) => metric === column.metric);
          return row === undefined ? { main: "" } : differenceCell(row, column, style);
        }),
      ];
    }),
    wordColumns: 1,
  };
}

function differenceCell(row: CurveDifference, column: MetricColumn, style: NumberStyle): Cell {
  const { difference, ci95, p_holm, seeds, per_seed } = row;
  if (difference === null) return { main: "–" };
  const metric = { mean: difference, sd: null, ci95, per_seed: [] };
  const main = meanText(metric, column, { ...style, signed: true });
  if (seeds < seedsToDecide) return { main };
  const interval = spreadText(metric, column, "ci", { ...style, signed: true });
  const isSure = p_holm !== null && p_holm < decisionLevel;
  if (p_holm === null) return { main, sub: interval };
  const agreeing = per_seed.filter((one) => Math.sign(one) === Math.sign(difference)).length;
  return {
    main: isSure ? `${main} *` : main,
    sub: `${interval}, p ${probabilityText(p_holm)}, ${agreeing}/${seeds}`,
  };
}

function rangeText(range: CurveDifference["range"], style: NumberStyle): string {
  if (range === null) return "none in common";
  const [low, high] = range.map((end) => formatNumber(end, 1, style));
  return low === high ? low! : `${low} to ${high}`;
}

function shownColumns(known: ReadonlySet<string>, wanted: readonly string[]): MetricColumn[] {
  return wanted.flatMap((metric) => (known.has(metric) ? [metricColumnOf(metric)!] : []));
}
