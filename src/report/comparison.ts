/**
 * Arms of one run or of several side by side, each against the first: differences only where the
 * figures are on one scale and enough seeds are in common.
 */

import { type Scale, type ScaleDifference, scaleDifferences } from "../analysis/comparability.js";
import { comparedMetrics } from "../analysis/comparisons.js";
import { decisionLevel, seedsToDecide } from "../analysis/conclusion.js";
import type { ArmMetrics, Metric } from "../analysis/evaluation.js";
import { type SeedDifference, seedDifference } from "../analysis/seed-difference.js";
import { holm } from "../stats/holm.js";
import { wrapText } from "../text/width.js";
import { powerText, testText } from "./comparison-words.js";
import { metricColumnOf } from "./metric-columns.js";
import { type MeasuredArms, renderTable, type TableOptions } from "./table.js";

/** `differ` · `not decided; to see a difference of 0.30 with 80 % power, 9 seeds are needed` */
function verdictText({ p, p_holm, power }: ArmDifference): string {
  if (p_holm !== null && p_holm < decisionLevel) {
    return "differ";
  }
  if (p !== null && p < decisionLevel) {
    return "not decided after the correction";
  }
  const needed = power === null ? "" : powerText(power, testedMetric);
  return needed === "" ? "not decided" : `not decided; ${needed}`;
}

/** What the lines under the table speak of. */
const testedMetric = "tail_reward";

export interface ComparedArm {
  /** How the row is called: the arm, or run and arm. */
  readonly label: string;
  readonly seeds: readonly number[];
  readonly metrics: Readonly<Record<string, Metric>>;
  /** What its figures are measured by. */
  readonly scale: Scale;
}

type ArmDifference = SeedDifference & {
  readonly difference: number;
  /** Seeds that both have. */
  readonly seeds: number;
  /** Holm's, over the compared metrics of all rows; null of other metrics. */
  readonly p_holm: number | null;
};

export interface ComparisonRow extends ComparedArm {
  /** Why its figures cannot be held against the first row's; empty: they can. */
  readonly notComparable: readonly ScaleDifference[];
  /** Seeds that it has in common with the first. */
  readonly commonSeeds: number;
  /** This row minus the first, by metric; metrics that cannot be paired are absent. */
  readonly againstFirst: Readonly<Record<string, ArmDifference>>;
}

/** Differences paired by seed. The first row differs from itself by nothing and has none. */
export function compareArms<Arm extends ComparedArm>(
  arms: readonly Arm[],
): (Arm & ComparisonRow)[] {
  const [first] = arms;
  const rows = arms.map((arm) => {
    const notComparable = scaleDifferences(first!.scale, arm.scale);
    const commonSeeds = arm.seeds.filter((seed) => first!.seeds.includes(seed)).length;
    const paired = arm !== first && notComparable.length === 0 && commonSeeds >= seedsToDecide;
    const names = paired ? Object.keys(arm.metrics) : [];
    const differences = names.flatMap((name) => {
      const found = differenceOf(arm, first!, name);
      return found === null ? [] : [{ name, found }];
    });
    return { arm, notComparable, commonSeeds, differences };
  });
  const tested: readonly string[] = comparedMetrics;
  const all = rows.flatMap(({ differences }) =>
    differences.filter(({ name }) => tested.includes(name)),
  );
  const p = holm(all.map(({ found }) => found.p));
  const corrected = new Map(all.map((one, index) => [one, p[index]!]));
  return rows.map(({ arm, differences, ...facts }) => ({
    ...arm,
    ...facts,
    againstFirst: Object.fromEntries(
      differences.map((one): [string, ArmDifference] => [
        one.name,
        { ...one.found, p_holm: corrected.get(one) ?? null },
      ]),
    ),
  }));
}

/** Figures, then differences; each table as wide as the terminal allows. */
export function renderComparison(
  rows: readonly ComparisonRow[],
  options: Omit<TableOptions, "signed" | "marks">,
): string {
  const [first, ...rest] = rows;
  const marks = new Map(
    rest
      .filter(({ notComparable }) => notComparable.length > 0)
      .map(({ label }) => [label, "not comparable"]),
  );
  const figures = renderTable(
    tableOf(rows, ({ metrics }) => metrics),
    { ...options, marks },
  );
  const remarks = rest.flatMap((row) => whyNoDifference(row, first!));
  const others = rest.filter(({ againstFirst }) => Object.keys(againstFirst).length > 0);
  const wrapped = remarks.flatMap((remark) => wrapText(remark, options.width));
  if (others.length === 0) {
    return [figures, ...(wrapped.length > 0 ? ["", ...wrapped] : [])].join("\n");
  }
  const differences = tableOf(others, ({ againstFirst }) =>
    Object.fromEntries(
      Object.entries(againstFirst).map(([name, { difference, ci95 }]): [string, Metric] => [
        name,
        { mean: difference, sd: null, ci95, per_seed: [] },
      ]),
    ),
  );
  return [
    figures,
    "",
    `minus ${first!.label}, paired by seed:`,
    renderTable(differences, { ...options, spread: "ci", signed: true }),
    ...others.flatMap((row) => testLines(row, first!, options)),
    ...wrapped,
  ].join("\n");
}

/** Whether the tail differs, and how many seeds would tell. */
function testLines(
  { label, againstFirst }: ComparisonRow,
  first: ComparisonRow,
  { unicode, width }: Omit<TableOptions, "signed" | "marks">,
): string[] {
  const found = againstFirst[testedMetric];
  if (found === undefined || found.p_holm === null) {
    return [];
  }
  const title = metricColumnOf(testedMetric)!.title;
  return wrapText(
    `${label} − ${first.label}, ${title}: ${testText(found, { unicode })}: ${verdictText(found)}`,
    width,
  );
}

/** A line where a row has no difference from the first; else empty. */
export function whyNoDifference(
  { label, notComparable, commonSeeds }: ComparisonRow,
  first: ComparisonRow,
): string[] {
  if (notComparable.length > 0) {
    return [`${label} is not comparable with ${first.label}: ${differenceText(notComparable)}`];
  }
  return commonSeeds >= seedsToDecide
    ? []
    : [
        `${label} − ${first.label}: no difference is shown, ${commonSeeds} ` +
          `${commonSeeds === 1 ? "seed" : "seeds"} in common; at least ${seedsToDecide} are needed`,
      ];
}

/** `reward.sign 1 and -1, evaluation.prompts 200 and 1000` */
export function differenceText(differences: readonly ScaleDifference[]): string {
  return differences
    .map(({ key, a, b }) => `${key} ${JSON.stringify(a)} and ${JSON.stringify(b)}`)
    .join(", ");
}

function tableOf<Row extends ComparedArm>(
  rows: readonly Row[],
  metrics: (row: Row) => Readonly<Record<string, Metric>>,
): MeasuredArms {
  const arms = rows.map((row): [string, ArmMetrics] => [
    row.label,
    { seeds: [...row.seeds], metrics: { ...metrics(row) } },
  ]);
  return { arms: Object.fromEntries(arms) };
}

/** Null where a metric is missing, or counts fewer seeds than its arm has: which is not known. */
function differenceOf(
  arm: ComparedArm,
  first: ComparedArm,
  name: string,
): Omit<ArmDifference, "p_holm"> | null {
  const [a, b] = [bySeed(arm, name), bySeed(first, name)];
  const common = [...a.keys()].filter((seed) => b.has(seed));
  if (common.length === 0) {
    return null;
  }
  const found = seedDifference(
    common.map((seed) => a.get(seed)!),
    common.map((seed) => b.get(seed)!),
  );
  return { ...found, difference: found.difference!, seeds: common.length };
}

function bySeed({ seeds, metrics }: ComparedArm, name: string): ReadonlyMap<number, number> {
  const values = metrics[name]?.per_seed ?? [];
  return new Map(
    values.length === seeds.length ? seeds.map((seed, at) => [seed, values[at]!]) : [],
  );
}
