/** Arms of one run or of several side by side, each against the first. */

import type { Metric } from "../analysis/evaluation.js";
import type { Interval } from "../stats/intervals.js";
import { pairedTest } from "../stats/paired-test.js";
import { renderTable, type TableOptions } from "./table.js";

export interface ComparedArm {
  /** How the row is called: the arm, or run and arm. */
  readonly label: string;
  readonly seeds: readonly number[];
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface ArmDifference {
  readonly difference: number;
  /** Over the seeds; null for a single one. */
  readonly ci95: Interval | null;
  /** Seeds that both have. */
  readonly seeds: number;
}

export interface ComparisonRow extends ComparedArm {
  /** This row minus the first, by metric; metrics that cannot be paired are absent. */
  readonly againstFirst: Readonly<Record<string, ArmDifference>>;
}

/** Differences paired by seed. The first row differs from itself by nothing and has none. */
export function compareArms(arms: readonly ComparedArm[]): ComparisonRow[] {
  const [first] = arms;
  return arms.map((arm) => {
    const names = arm === first ? [] : Object.keys(arm.metrics);
    const differences = names.flatMap((name): [string, ArmDifference][] => {
      const found = differenceOf(arm, first!, name);
      return found === null ? [] : [[name, found]];
    });
    return { ...arm, againstFirst: Object.fromEntries(differences) };
  });
}

/** Figures, then differences; each table as wide as the terminal allows. */
export function renderComparison(
  rows: readonly ComparisonRow[],
  options: Omit<TableOptions, "signed">,
): string {
  const figures = renderTable(
    tableOf(rows, ({ metrics }) => metrics),
    options,
  );
  const others = rows.filter(({ againstFirst }) => Object.keys(againstFirst).length > 0);
  if (others.length === 0) {
    return figures;
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
    `minus ${rows[0]!.label}, paired by seed:`,
    renderTable(differences, { ...options, spread: "ci", signed: true }),
  ].join("\n");
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
