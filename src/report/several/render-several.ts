/** One report over several runs: what differs between them, their arms side by side, their curves. */
import { iterationsKey, type Scale } from "../../analysis/comparability.js";
import { comparedMetrics } from "../../analysis/comparisons.js";
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import type { Metric } from "../../analysis/evaluation.js";
import { type Block, type Cell, cells, type ReportDocument } from "../blocks.js";
import {
  type ComparedArm,
  type ComparisonRow,
  compareArms,
  whyNoDifference,
} from "../comparison.js";
import { probabilityText } from "../comparison-words.js";
import { cautionLines, conclusionLines } from "../conclusion-words.js";
import { renderHtml } from "../html.js";
import { renderMarkdown } from "../markdown.js";
import {
  meanText,
  metricColumnOf,
  metricColumns,
  reportOnlyColumns,
  spreadText,
} from "../metric-columns.js";
import { drawPlot } from "../plots/chart.js";
import { componentCurves } from "../plots/component-curves.js";
import { tailAgainstCompute, tailAgainstKl } from "../plots/frontier.js";
import { gainAndCost } from "../plots/gain-and-cost.js";
import { quantileCurve } from "../plots/quantile-curve.js";
import { trainingCurves } from "../plots/training-curves.js";
import { gatherReport, type ReportInput } from "../report-data.js";
import { configurationDifferences } from "./configuration-differences.js";
import { jointData, type LetteredRun } from "./joint-data.js";

export interface SeveralInput {
  readonly letter: string;
  readonly report: ReportInput;
  /** Where its own report is, for readers. */
  readonly path: string;
  /** What an arm's figures are measured by. */
  readonly scaleOf: (arm: string) => Scale;
}

const style = { unicode: true };
const plots = [
  quantileCurve,
  tailAgainstKl,
  tailAgainstCompute,
  componentCurves,
  trainingCurves,
  gainAndCost,
] as const;

/** Nothing is written to disk; no text of a model is in it. */
export async function renderSeveral(
  inputs: readonly SeveralInput[],
): Promise<{ readonly html: string; readonly markdown: string }> {
  const runs = inputs.map((input) => ({ ...input, data: gatherReport(input.report) }));
  const rows = compareArms(runs.flatMap(rowsOf));
  const document: ReportDocument = {
    title: `${runs.length} runs side by side`,
    byline: `${runs.map(({ letter, data }) => `${letter}: ${data.run.id}`).join(", ")}.`,
    blocks: [
      runsTable(runs),
      ...differenceBlocks(runs),
      ...(rows.length === 0
        ? [{ kind: "paragraph" as const, text: "No arm has been evaluated." }]
        : [...figureBlocks(rows), ...comparisonBlocks(rows), ...(await plotBlocks(runs, rows))]),
      ...runs.flatMap(ownBlocks),
    ],
  };
  return { html: renderHtml(document), markdown: renderMarkdown(document) };
}

type Run = LetteredRun & SeveralInput;

function rowsOf({ letter, data, scaleOf }: Run): ComparedArm[] {
  return Object.entries(data.evaluation.arms).map(([arm, { seeds, metrics }]) => ({
    label: `${letter} ${arm}`,
    seeds,
    metrics,
    scale: scaleOf(arm),
  }));
}

function runsTable(runs: readonly Run[]): Block {
  return {
    kind: "table",
    head: ["", "run", "purpose", "started, UTC", "seeds", "state"],
    rows: runs.map(({ letter, data: { run, finished } }) =>
      cells(
        letter,
        run.id,
        run.experiment.purpose === "" ? run.experiment.name : run.experiment.purpose,
        run.started.slice(0, 16).replace("T", " "),
        run.experiment.seeds.join(", "),
        finished?.outcome ?? "not finished",
      ),
    ),
    wordColumns: 6,
  };
}

/** As many are read at once. */
const mostOpenKeys = 15;

function differenceBlocks(runs: readonly Run[]): Block[] {
  const differences = configurationDifferences(runs.map(({ data }) => data.run.experiment));
  const heading: Block = { kind: "heading", text: "What differs" };
  if (differences.length === 0) {
    return [heading, { kind: "paragraph", text: "Nothing: the configurations are the same." }];
  }
  const table: Block = {
    kind: "table",
    head: ["key", ...runs.map(({ letter }) => letter)],
    rows: differences.map(({ key, values }) => cells(key, ...values.map((value) => value ?? "–"))),
    wordColumns: 1 + runs.length,
  };
  return [
    heading,
    differences.length <= mostOpenKeys
      ? table
      : {
          kind: "details",
          summary: `${differences.length} keys of the configuration`,
          blocks: [table],
        },
  ];
}

function figureBlocks(rows: readonly ComparisonRow[]): Block[] {
  const columns = [...metricColumns, ...reportOnlyColumns].filter(({ metric }) =>
    rows.some(({ metrics }) => metrics[metric] !== undefined),
  );
  return [
    { kind: "heading", text: "Results" },
    {
      kind: "table",
      head: ["arm", ...columns.map(({ title }) => title)],
      rows: rows.map((row) => [
        {
          main: row.label,
          sub: `${row.seeds.length} ${row.seeds.length === 1 ? "seed" : "seeds"}${row.notComparable.length > 0 ? ", not comparable" : ""}`,
        },
        ...columns.map((column): Cell => {
          const metric = row.metrics[column.metric];
          const sub = spreadText(metric, column, "ci", style);
          const main = meanText(metric, column, style);
          return sub === "" ? { main } : { main, sub };
        }),
      ]),
      wordColumns: 1,
    },
    {
      kind: "paragraph",
      text: "In brackets: the 95 % interval of the mean over seeds (Student's t).",
    },
  ];
}

/** Every row against the first, as `averse compare` has it. */
function comparisonBlocks(rows: readonly ComparisonRow[]): Block[] {
  const [first, ...rest] = rows;
  const others = rest.filter(({ againstFirst }) => Object.keys(againstFirst).length > 0);
  const apart = rest.filter(({ notComparable }) => notComparable.length > 0);
  const remarks = [
    ...incomparableItems(apart, first!.label),
    ...rest
      .filter(({ notComparable }) => notComparable.length === 0)
      .flatMap((row) => whyNoDifference(row, first!)),
  ];
  const columns = comparedMetrics.map((name) => metricColumnOf(name)!);
  return [
    { kind: "heading", text: `Differences from ${first!.label}` },
    ...(others.length === 0
      ? []
      : [
          {
            kind: "table" as const,
            head: ["arm", ...columns.map(({ title }) => title)],
            rows: others.map(({ label, againstFirst }) => [
              { main: label },
              ...columns.map((column): Cell => {
                const found = againstFirst[column.metric];
                if (found === undefined) {
                  return { main: "–" };
                }
                const { difference: mean, ci95, p_holm } = found;
                const metric: Metric = { mean, sd: null, ci95, per_seed: [] };
                const shown = { ...style, signed: true };
                const verdict =
                  p_holm === null
                    ? "not tested"
                    : `p ${probabilityText(p_holm)} (Holm), ${p_holm < decisionLevel ? "differ" : "not decided"}`;
                const interval = spreadText(metric, column, "ci", shown);
                return {
                  main: `${meanText(metric, column, shown)} ${interval}`.trim(),
                  sub: verdict,
                };
              }),
            ]),
            wordColumns: 1,
          },
          {
            kind: "paragraph" as const,
            text:
              "Differences are paired by seed; two-sided paired t-tests, after Holm's correction over all of this " +
              `table. At least ${seedsToDecide} seeds in common are needed. KL is not matched: an arm that moves ` +
              "further from SFT has a better tail for that reason alone; read the plot of tail against KL with it.",
          },
        ]),
    ...(remarks.length === 0 ? [] : [{ kind: "list" as const, items: remarks }]),
  ];
}

/** Arms that differ from the first in the same keys, together: their values are in the configuration. */
function incomparableItems(rows: readonly ComparisonRow[], first: string): string[] {
  const byKeys = new Map<string, string[]>();
  for (const { label, notComparable } of rows) {
    const keys = notComparable.map(({ key }) => key).join(", ");
    byKeys.set(keys, [...(byKeys.get(keys) ?? []), label]);
  }
  return [...byKeys].map(
    ([keys, labels]) =>
      `${labels.join(", ")}: not comparable with ${first}, for they differ in ${keys}.`,
  );
}

/** Of arms on the first one's scale; other iterations are another place on the same curve. */
async function plotBlocks(runs: readonly Run[], rows: readonly ComparisonRow[]): Promise<Block[]> {
  const apart = new Set(
    rows
      .filter(({ notComparable }) => notComparable.some(({ key }) => key !== iterationsKey))
      .map(({ label }) => label),
  );
  const data = jointData(runs, (label) => !apart.has(label));
  const blocks: Block[] = [];
  for (const kind of plots) {
    const spec = kind(data);
    if (spec !== null) {
      blocks.push(
        { kind: "heading", text: spec.title },
        { kind: "plot", plot: await drawPlot(spec) },
      );
    }
  }
  return apart.size === 0
    ? blocks
    : [
        {
          kind: "warning",
          text: `Not in the plots, for their figures are on another scale than those of ${rows[0]!.label}: ${[...apart].join(", ")}.`,
        },
        ...blocks,
      ];
}

function ownBlocks({ letter, data: { run, evaluation }, path }: Run): Block[] {
  const cautions = cautionLines(evaluation.conclusion);
  return [
    { kind: "heading", text: `${letter}: ${run.id}` },
    { kind: "conclusion", lines: conclusionLines(evaluation.conclusion) },
    ...cautions.map((text): Block => ({ kind: "warning", text })),
    { kind: "paragraph", text: `Its own report, with methods, set-up and texts: ${path}` },
    ...(run.command === null ? [] : [{ kind: "code" as const, text: run.command }]),
  ];
}
