/** What the gain cost: diversity, fluency and harmless prompts of each arm, beside what was gained. */
import { scaleDifferences, scaleOf } from "../../analysis/comparability.js";
import { seedsToDecide } from "../../analysis/conclusion.js";
import type { Evaluation, Metric } from "../../analysis/evaluation.js";
import { pairedTest } from "../../stats/paired-test.js";
import { type CostAspect, costAspects } from "../../text/metric-words.js";
import type { Block, Cell } from "../blocks.js";
import { capabilityColumns } from "../measure-columns.js";
import {
  costColumns,
  type MetricColumn,
  meanText,
  metricColumnOf,
  spreadText,
} from "../metric-columns.js";
import type { ReportPlot } from "../plots/panel.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

/** What was gained, at the head of the table. */
const gained = ["tail_reward", "cvar_0.1", "harm_rate"].map((name) => metricColumnOf(name)!);

const aspectTitles: Readonly<Record<CostAspect, string>> = {
  diversity: "Diversity",
  fluency: "Fluency",
  "harmless prompts": "Harmless prompts",
  capability: "Capability",
  length: "Length",
  KL: "Distance",
  training: "Training",
};

/** @param plot of gain against cost; null: there is nothing to draw */
export function costSection(data: ReportData, plot: ReportPlot | null): Block[] {
  const { arms } = data.evaluation;
  const isKnown = ({ metric }: MetricColumn): boolean =>
    Object.values(arms).some(({ metrics }) => metrics[metric] !== undefined);
  const costs = [...costColumns.filter(isKnown), ...capabilityColumns(arms)];
  const trained = Object.keys(arms).filter((arm) => data.run.experiment.arms[arm]?.stage === "rl");
  if (costs.length === 0) {
    return [];
  }
  const isTrained = trained.length > 0;
  const gains = gained.filter(isKnown);
  const start = data.evaluation.conclusion.start?.arm ?? null;
  const groups: readonly (readonly [string, readonly MetricColumn[]])[] = [
    ["Gained", isTrained ? gains : []],
    ...costAspects.map(
      (aspect) => [aspectTitles[aspect], costs.filter(({ cost }) => cost === aspect)] as const,
    ),
  ];
  return [
    { kind: "heading", text: isTrained ? "What it cost" : "How the texts are" },
    {
      kind: "paragraph",
      text: isTrained
        ? "A better tail can be bought with poorer texts. Each row is a figure of the final policies: " +
          "what was gained, then what may have been paid for it."
        : "Each row is a figure of the evaluated models. None was trained here.",
    },
    {
      kind: "table",
      head: ["", "figure", ...Object.keys(arms)],
      rows: groups.flatMap(([title, columns]) =>
        columns.map((column, at) => figureRow(at === 0 ? title : "", column, arms)),
      ),
      wordColumns: 2,
    },
    ...(start === null || !isTrained ? [] : [against(data, start, trained, [...gains, ...costs])]),
    ...(plot === null ? [] : [{ kind: "plot" as const, plot }]),
    {
      kind: "details",
      summary: "What the figures mean",
      blocks: [
        {
          kind: "list",
          items: costs.map(({ title, meaning, better }) =>
            better === "neither"
              ? `${title}: ${meaning}.`
              : `${title}: ${meaning}; ${better} is better.`,
          ),
        },
      ],
    },
  ];
}

function figureRow(title: string, column: MetricColumn, arms: Evaluation["arms"]): Cell[] {
  const mark = { higher: "↑", lower: "↓", neither: "" }[column.better];
  return [
    { main: title },
    { main: `${column.title} ${mark}`.trim() },
    ...Object.values(arms).map(({ metrics }): Cell => {
      const metric = metrics[column.metric];
      const main = meanText(metric, column, style);
      const enough = (metric?.per_seed.length ?? 0) >= seedsToDecide;
      const sub = enough ? spreadText(metric, column, "ci", style) : "";
      return sub === "" ? { main } : { main, sub };
    }),
  ];
}

/** What changed for the better and for the worse since the start, as far as seeds can tell. */
function against(
  data: ReportData,
  start: string,
  trained: readonly string[],
  columns: readonly MetricColumn[],
): Block {
  const { evaluation, run } = data;
  const seeds = evaluation.arms[start]!.seeds.length;
  if (seeds < seedsToDecide) {
    return {
      kind: "paragraph",
      text:
        `With ${seeds === 1 ? "one seed" : `${seeds} seeds`}, differences from ${start} cannot be told from ` +
        `chance: at least ${seedsToDecide} seeds are needed.`,
    };
  }
  const items = trained.map((arm) => {
    const differ = scaleDifferences(scaleOf(run.experiment, start), scaleOf(run.experiment, arm));
    return differ.length > 0
      ? `${arm}: not comparable with ${start} (${differ.map(({ key }) => key).join(", ")}).`
      : changesText(arm, evaluation.arms[arm]!, evaluation.arms[start]!, columns);
  });
  return {
    kind: "details",
    summary: `Changes from ${start} that the seeds can tell`,
    blocks: [
      {
        kind: "paragraph",
        text:
          `Differences from ${start}, paired by seed, whose 95 % interval excludes 0. Intervals are not ` +
          "corrected for the number of figures: about one in twenty excludes 0 by chance alone.",
      },
      { kind: "list", items },
    ],
  };
}

type Arm = Evaluation["arms"][string];

function changesText(name: string, arm: Arm, start: Arm, columns: readonly MetricColumn[]): string {
  const told = { better: [] as string[], worse: [] as string[] };
  let undecided = 0;
  for (const column of columns) {
    const change = changeOf(column, arm, start);
    if (change === null || column.better === "neither") {
      continue;
    }
    const [low, high] = change.ci95!;
    if (low <= 0 && high >= 0) {
      undecided += 1;
    } else {
      const isBetter = low > 0 === (column.better === "higher");
      const text = `${column.title} ${meanText(change, column, { ...style, signed: true })}`;
      told[isBetter ? "better" : "worse"].push(text);
    }
  }
  const parts = [
    told.better.length === 0 ? "nothing better" : `better: ${told.better.join(", ")}`,
    told.worse.length === 0 ? "nothing worse" : `worse: ${told.worse.join(", ")}`,
    ...(undecided === 0 ? [] : [`${undecided} not decided`]),
  ];
  return `${name}: ${parts.join("; ")}.`;
}

/** Null: not every seed of both has the figure. */
function changeOf({ metric }: MetricColumn, arm: Arm, start: Arm): Metric | null {
  const [own, before] = [bySeed(arm, metric), bySeed(start, metric)];
  const common = [...own.keys()].filter((seed) => before.has(seed));
  if (common.length < seedsToDecide) {
    return null;
  }
  const { difference, interval } = pairedTest(
    common.map((seed) => own.get(seed)!),
    common.map((seed) => before.get(seed)!),
  );
  return { mean: difference, sd: null, ci95: interval && [...interval], per_seed: [] };
}

/** Empty where a seed lacks the figure: which one is not known. */
function bySeed({ seeds, metrics }: Arm, metric: string): ReadonlyMap<number, number> {
  const values = metrics[metric]?.per_seed ?? [];
  return new Map(
    values.length === seeds.length ? seeds.map((seed, at) => [seed, values[at]!]) : [],
  );
}
