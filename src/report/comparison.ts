/**
 * Arms of one run or of several side by side, each against the first: differences only where the
 * figures are on one scale and enough seeds are in common.
 */

import { type Scale, type ScaleDifference, scaleDifferences } from "../analysis/comparability.js";
import { seedsToDecide } from "../analysis/conclusion.js";
import type { Metric } from "../analysis/evaluation.js";
import type { Interval } from "../stats/intervals.js";
import { pairedTest } from "../stats/paired-test.js";
import { wrapText } from "../text/width.js";
import { renderTable, type TableOptions } from "./table.js";

export interface ComparedArm {
  /** How the row is called: the arm, or run and arm. */
  readonly label: string;
  readonly seeds: readonly number[];
  readonly metrics: Readonly<Record<string, Metric>>;
  /** What its figures are measured by. */
  readonly scale: Scale;
}

interface ArmDifference {
  readonly difference: number;
  /** Over the seeds; null for a single one. */
  readonly ci95: Interval | null;
  /** Seeds that both have. */
  readonly seeds: number;
}

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
  return arms.map((arm) => {
    const notComparable = scaleDifferences(first!.scale, arm.scale);
    const commonSeeds = arm.seeds.filter((seed) => first!.seeds.includes(seed)).length;
    const paired = arm !== first && notComparable.length === 0 && commonSeeds >= seedsToDecide;
    const names = paired ? Object.keys(arm.metrics) : [];
    const differences = names.flatMap((name): [string, ArmDifference][] => {
      const found = differenceOf(arm, first!, name);
      return found === null ? [] : [[name, found]];
    });
    return {
      ...arm,
      notComparable,
      commonSeeds,
      againstFirst: Object.fromEntries(differences),
    };
  });
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
    ...wrapped,
  ].join("\n");
}

function whyNoDifference(
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

type Table = Parameters<typeof renderTable>[0];

function tableOf<Row extends ComparedArm>(
  rows: readonly Row[],
  metrics: (row: Row) => Readonly<Record<string, Metric>>,
): Table {
  const arms = rows.map((row): [string, Table["arms"][string]] => [
    row.label,
    { seeds: [...row.seeds], metrics: { ...metrics(row) } },
  ]);
  return { arms: Object.fromEntries(arms) };
}

/** Null where a metric is missing, or counts fewer seeds than its arm has: which is not known. */
function differenceOf(arm: ComparedArm, first: ComparedArm, name: string): ArmDifference | null {
  const [a, b] = [bySeed(arm, name), bySeed(first, name)];
  const common = [...a.keys()].filter((seed) => b.has(seed));
  if (common.length === 0) {
    return null;
  }
  const { difference, interval: ci95 } = pairedTest(
    common.map((seed) => a.get(seed)!),
    common.map((seed) => b.get(seed)!),
  );
  return { difference, ci95, seeds: common.length };
}

function bySeed({ seeds, metrics }: ComparedArm, name: string): ReadonlyMap<number, number> {
  const values = metrics[name]?.per_seed ?? [];
  return new Map(
    values.length === seeds.length ? seeds.map((seed, at) => [seed, values[at]!]) : [],
  );
}
