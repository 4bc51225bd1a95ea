/** A sweep: what each point came to, which of them no other beats, and how far to believe the best. */
import { seedsToDecide } from "../../analysis/conclusion.js";
import { isAlternative } from "../../analysis/sweep.js";
import { wordsOfMetric } from "../../text/metric-words.js";
import { formatNumber } from "../../text/numbers.js";
import type { Block, Cell } from "../blocks.js";
import { differenceBlocks } from "../frontier/difference-blocks.js";
import { meanText, metricColumnOf, spreadText } from "../metric-columns.js";
import type { ReportPlot } from "../plots/panel.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

const shown = ["tail_reward", "cvar_0.1", "reward_mean", "harm_rate", "kl_mean"];

/** @param plots those of the sweep */
export function sweepSection(data: ReportData, plots: readonly ReportPlot[]): Block[] {
  const { sweep } = data.evaluation;
  if (sweep === undefined) return [];
  const { points, pareto } = sweep;
  const left = points.filter(({ arm }) => data.evaluation.arms[arm] !== undefined);
  return [
    { kind: "heading", text: "Sweep" },
    { kind: "paragraph", text: sizeText(data) },
    ...halvingBlocks(data),
    pointTable(data),
    {
      kind: "paragraph",
      text:
        pareto.length === 0
          ? "No point has been evaluated."
          : `On the Pareto front (no other arm has as good a tail at the same KL or less), by KL: ${pareto.join(", ")}.`,
    },
    // Of two single policies with no KL in common there is nothing to say.
    ...differenceBlocks(
      sweep.equal_kl.filter(({ range, covered }) => range !== null || covered !== null),
    ),
    ...(left.length < 2 ? [] : [{ kind: "warning" as const, text: selectionText(data) }]),
    ...plots.map((plot): Block => ({ kind: "plot", plot })),
  ];
}

function sizeText({ evaluation, run }: ReportData): string {
  const { keys, points } = evaluation.sweep!;
  const swept = [...new Set(points.map(({ of }) => of))];
  const counts = swept.map((of) => `${points.filter((point) => point.of === of).length} of ${of}`);
  const { seeds, sweep } = run.experiment;
  const how = sweep.random === null ? "all combinations" : `drawn at random, seed ${sweep.draw}`;
  return (
    `${points.length} points over ${keys.join(" and ")} (${how}): ${counts.join(", ")}. ` +
    `Seeds: ${seeds.join(", ")}. Arms that no key changes were trained once per seed, SFT among them.`
  );
}

/** The rule, and what came of it. */
function halvingBlocks({ events, run }: ReportData): Block[] {
  const { halving, keep } = run.experiment.sweep;
  if (halving === null) return [];
  const title = wordsOfMetric(halving)?.title ?? halving;
  const decisions = events.filter((event) => event.type === "points_dropped");
  return [
    {
      kind: "paragraph",
      text:
        `After each seed the best ${formatNumber(100 * keep, 0)} % of each arm's points went on, by the ` +
        `${title} of their final evaluations, mean over the seeds so far. Points that were dropped ` +
        "have fewer seeds: their figures are less certain, and worse by selection.",
    },
    {
      kind: "list",
      items: decisions.map(
        ({ seed, kept, dropped }) =>
          `After seed ${seed}: on with ${kept.join(", ")}; dropped ${dropped.join(", ") || "none"}.`,
      ),
    },
  ];
}

function pointTable({ evaluation, run }: ReportData): Block {
  const { keys, points, pareto } = evaluation.sweep!;
  const columns = shown
    .map((metric) => metricColumnOf(metric)!)
    .filter(({ metric }) =>
      Object.values(evaluation.arms).some(({ metrics }) => metrics[metric] !== undefined),
    );
  const others = Object.keys(evaluation.arms).filter(
    (arm) =>
      !points.some((point) => point.arm === arm) && isAlternative(run.experiment.arms[arm]?.stage),
  );
  const rows = [
    ...others.map((arm) => ({ arm, of: arm, values: {} as Readonly<Record<string, unknown>> })),
    ...points.filter(({ arm }) => evaluation.arms[arm] !== undefined),
  ];
  return {
    kind: "table",
    head: ["arm", ...keys, "front", "seeds", ...columns.map(({ title }) => title)],
    rows: rows.map(({ arm, of, values }): Cell[] => {
      const { metrics, seeds } = evaluation.arms[arm]!;
      return [
        { main: of },
        ...keys.map((key) => ({ main: Object.hasOwn(values, key) ? valueText(values[key]) : "" })),
        { main: pareto.includes(arm) ? "●" : "" },
        { main: String(seeds.length) },
        ...columns.map((column): Cell => {
          const metric = metrics[column.metric];
          const main = meanText(metric, column, style);
          const enough = seeds.length >= seedsToDecide;
          const sub = enough ? spreadText(metric, column, "ci", style) : "";
          return sub === "" ? { main } : { main, sub };
        }),
      ];
    }),
    wordColumns: 1,
  };
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function selectionText({ evaluation, run }: ReportData): string {
  const { points } = evaluation.sweep!;
  const metric = run.experiment.sweep.halving ?? "tail_reward";
  const title = wordsOfMetric(metric)?.title ?? metric;
  return (
    `The best of ${points.length} points by ${title} is chosen on the evaluation that reports it, so ` +
    "its figure is too good (the winner's curse), the more so the more points and the fewer seeds. " +
    "Before a point is believed, train it again on seeds that chose nothing: `averse run` with its " +
    "values by --set and other seeds."
  );
}
