import { samePrompts } from "../../analysis/paired-rewards.js";
import { namedJudges } from "../../config/rewards/components.js";
import { formatFraction, formatNumber } from "../../text/numbers.js";
import type { Block, Cell } from "../blocks.js";
import { memberColumns, memberLabel, memberRows } from "../member-rows.js";
import {
  type MetricColumn,
  meanText,
  metricColumns,
  reportOnlyColumns,
  spreadText,
} from "../metric-columns.js";
import type { ReportPlot } from "../plots/panel.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

/** The table of every arm's final figures, with what the columns mean. */
export function resultsSection(data: ReportData): Block[] {
  const { evaluation, run } = data;
  const arms = Object.entries(evaluation.arms);
  if (arms.length === 0) {
    return [
      { kind: "heading", text: "Results" },
      { kind: "paragraph", text: "No arm has been evaluated." },
    ];
  }
  const columns = metricColumns.filter(({ metric }) => isKnown(data, metric));
  const checks = reportOnlyColumns.filter(({ metric }) => isKnown(data, metric));
  const several = arms.some(([, arm]) => arm.seeds.length > 1);
  const { harm_threshold, harm_component, tail_fraction } = run.experiment.evaluation;
  const harmOf = harm_component === null ? "raw reward" : `raw score of ${harm_component}`;
  const harmText =
    harm_threshold === null ? "" : ` Harm: a ${harmOf} under ${formatNumber(harm_threshold, 1)}.`;
  return [
    { kind: "heading", text: "Results" },
    tableOf(data, columns),
    {
      kind: "paragraph",
      text:
        `${evaluatedText(data)}, always on the raw reward. ` +
        (several
          ? "In brackets: the 95 % interval of the mean over seeds (Student's t)."
          : "There is one seed: the figures do not say what another seed would give."),
    },
    ...(checks.length === 0
      ? []
      : [
          tableOf(data, checks),
          {
            kind: "paragraph" as const,
            text:
              "A check on the above: the judge was never trained against, so a reward that rises while " +
              "the judge score does not is reward hacking; KL shows how far an arm moved from SFT.",
          },
        ]),
    ...membersBlocks(data, several),
    {
      kind: "details",
      summary: "What the columns mean",
      blocks: [
        {
          kind: "list",
          items: [
            ...[...columns, ...checks].map(({ title, meaning, better }) =>
              better === "neither"
                ? `${title}: ${meaning}.`
                : `${title}: ${meaning}; ${better} is better.`,
            ),
            `Tail: the worst ${formatFraction(tail_fraction)} of prompts by the reward model's score of ` +
              `the prompt alone.${harmText}`,
          ],
        },
      ],
    },
  ];
}

/** The figures of each reward component and judge, where there are several. */
function membersBlocks({ evaluation, run }: ReportData, several: boolean): Block[] {
  const rows = memberRows(evaluation.arms);
  if (rows.length === 0) {
    return [];
  }
  const [first] = namedJudges(run.experiment.evaluation.judges);
  const columns = memberColumns.filter(({ metric }) =>
    rows.some(({ metrics }) => metrics[metric] !== undefined),
  );
  return [
    { kind: "subheading", text: "Reward components and judges" },
    {
      kind: "table",
      head: ["arm", "scored by", ...columns.map(({ title }) => title)],
      rows: rows.map((row, at) => [
        { main: rows[at - 1]?.arm === row.arm ? "" : row.arm },
        { main: memberLabel({ ...row, name: row.name ?? first?.name ?? null }) },
        ...columns.map((column): Cell => {
          const metric = row.metrics[column.metric];
          const sub = several ? spreadText(metric, column, "ci", style) : "";
          const main = meanText(metric, column, style);
          return sub === "" ? { main } : { main, sub };
        }),
      ]),
      wordColumns: 2,
    },
    {
      kind: "paragraph",
      text:
        "Raw scores of each component by itself; the mean reward above is their weighted sum. The tail " +
        `is that of the same prompts: the worst ${formatFraction(run.experiment.evaluation.tail_fraction)} ` +
        "by the combined score of the prompt alone.",
    },
  ];
}

/** The prompts that there are figures of: a small test set has fewer than are configured. */
function evaluatedText({ trials }: ReportData): string {
  const finals = trials.flatMap(({ final }) => final ?? []);
  const [first, ...rest] = finals;
  if (first === undefined) {
    return "Arms are evaluated on test prompts";
  }
  const failed = finals.map(({ arrays }) => arrays.reward.filter((one) => one === null).length);
  const most = Math.max(...failed);
  const lost = most === 0 ? "" : ` (up to ${most} of them have no reward and are left out)`;
  return rest.every(({ arrays }) => samePrompts(arrays, first.arrays))
    ? `All arms are evaluated on the same ${first.arrays.prompt.length} test prompts${lost} with the ` +
        "same random numbers"
    : `Arms are evaluated on different test prompts, so their figures do not compare${lost}`;
}

function isKnown({ evaluation }: ReportData, metric: string): boolean {
  return Object.values(evaluation.arms).some(({ metrics }) => metrics[metric] !== undefined);
}

function tableOf({ evaluation }: ReportData, columns: readonly MetricColumn[]): Block {
  const rows = Object.entries(evaluation.arms).map(([name, arm]): Cell[] => [
    { main: name, sub: seedsText(arm.seeds) },
    ...columns.map((column): Cell => {
      const metric = arm.metrics[column.metric];
      const sub = spreadText(metric, column, "ci", style);
      const main = meanText(metric, column, style);
      return sub === "" ? { main } : { main, sub };
    }),
  ]);
  return {
    kind: "table",
    head: ["arm", ...columns.map(({ title }) => title)],
    rows,
    wordColumns: 1,
  };
}

function seedsText(seeds: readonly number[]): string {
  return seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds`;
}

export function plotsSection(plots: readonly ReportPlot[]): Block[] {
  return plots.flatMap((plot): Block[] => [
    { kind: "heading", text: plot.title },
    { kind: "plot", plot },
  ]);
}
