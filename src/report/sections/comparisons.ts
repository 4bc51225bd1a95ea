/** Risk-averse against risk-neutral, three ways. */
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import type { Comparison } from "../../analysis/evaluation.js";
import type { Block, Cell } from "../blocks.js";
import {
  comparisonText,
  figureText,
  placeText,
  powerText,
  testText,
  verdictOf,
} from "../comparison-words.js";
import { undecidedText } from "../conclusion-words.js";
import { metricColumnOf } from "../metric-columns.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

const ways = ["equal-iterations", "equal-compute", "equal-kl"] as const;
const wayTitles = ["at equal iterations", "at equal trained tokens", "at equal KL"];
/** The tail is what a run is about; the rest is there to be opened. */
const headline = "tail_reward";

export function comparisonsSection({ evaluation }: ReportData): Block[] {
  const { comparisons, conclusion } = evaluation;
  if (comparisons.length === 0) {
    return [];
  }
  const heading: Block = { kind: "heading", text: "Risk-averse against risk-neutral" };
  const shown = comparisons.filter(({ seeds }) => seeds >= seedsToDecide);
  if (shown.length === 0) {
    return [heading, { kind: "paragraph", text: undecidedText(conclusion.against_neutral) }];
  }
  const metrics = [...new Set(shown.map(({ metric }) => metric))];
  const first = metrics.includes(headline) ? headline : metrics[0]!;
  const others = metrics.filter((metric) => metric !== first);
  return [
    heading,
    {
      kind: "paragraph",
      text: `Difference in ${titleOf(first)}, the first arm minus the second, paired by seed.`,
    },
    tableOf(shown.filter(({ metric }) => metric === first)),
    ...notes(powerItems(shown, first), cautions(shown)),
    ...(others.length === 0
      ? []
      : [
          {
            kind: "details" as const,
            summary: `The same for ${others.map(titleOf).join(", ")}`,
            blocks: others.flatMap((metric): Block[] => [
              { kind: "subheading", text: titleOf(metric) },
              tableOf(shown.filter((row) => row.metric === metric)),
            ]),
          },
        ]),
  ];
}

/** What is read at a glance; a sweep has hundreds of pairs. */
const mostOpenItems = 12;

function notes(power: readonly string[], cautions: readonly string[]): Block[] {
  if (power.length <= mostOpenItems) return [{ kind: "list", items: [...power, ...cautions] }];
  return [
    { kind: "list", items: cautions },
    {
      kind: "details",
      summary: `What is not decided, and how many seeds would tell: ${power.length} comparisons`,
      blocks: [{ kind: "list", items: power }],
    },
  ];
}

function titleOf(metric: string): string {
  return metricColumnOf(metric)?.title ?? metric;
}

function tableOf(comparisons: readonly Comparison[]): Block {
  const pairs = new Map<string, Comparison[]>();
  for (const row of comparisons) {
    const pair = `${row.a} − ${row.b}`;
    const rows = pairs.get(pair);
    if (rows === undefined) {
      pairs.set(pair, [row]);
    } else {
      rows.push(row);
    }
  }
  const rows = [...pairs].map(([pair, found]): Cell[] => [
    { main: pair, sub: `seeds: ${Math.max(...found.map(({ seeds }) => seeds))}` },
    ...ways.map((way): Cell => {
      const row = found.find(({ at }) => at === way);
      if (row === undefined) {
        return { main: "–" };
      }
      const sub = [placeText(row, style), testText(row, style)]
        .filter((one) => one !== "")
        .join("; ");
      const main = comparisonText(row, style);
      return sub === "" ? { main } : { main, sub };
    }),
  ]);
  return { kind: "table", head: ["arms", ...wayTitles], rows, wordColumns: 4 };
}

/** Of what was not decided: how many seeds would be needed, and what these seeds could see. */
function powerItems(comparisons: readonly Comparison[], metric: string): string[] {
  return comparisons.flatMap((row) => {
    const { power, seeds } = row;
    if (row.metric !== metric || power === null || verdictOf(row) !== "undecided") {
      return [];
    }
    if (row.p !== null && row.p < decisionLevel) {
      return [
        `${row.a} − ${row.b} ${wayTitles[ways.indexOf(row.at)]} is not decided after the correction.`,
      ];
    }
    const needed = powerText(power, metric);
    const seen = figureText(power.detectable, metric, style);
    const way = wayTitles[ways.indexOf(row.at)];
    return [
      `${row.a} − ${row.b} ${way} is not decided: ${needed === "" ? "" : `${needed}; `}` +
        `${seeds} seeds see one of ${seen} or more.`,
    ];
  });
}

/** What keeps a reader from taking more out of the table than is in it. */
function cautions(comparisons: readonly Comparison[]): string[] {
  const tested = Math.max(
    ...ways.map((way) => comparisons.filter(({ at, p }) => at === way && p !== null).length),
  );
  const matched = comparisons.some(
    ({ at, difference }) => at === "equal-kl" && difference !== null,
  );
  return [
    "Only the column at equal KL measures risk aversion: an arm that moves further from SFT has a " +
      "better tail for that reason alone." +
      (matched ? "" : " This run has no such figure, so it shows no gain from risk aversion."),
    "“Better” and “worse” are shown where the paired t-test over seeds decides at 5 % after Holm’s " +
      `correction over the ${tested} comparisons of the same column, all arms and metrics; intervals ` +
      "are not corrected. d_z: the difference over the standard deviation of the seeds’ differences.",
    "Equal KL: both arms' curves along their checkpoints, averaged over the upper half of the KL " +
      "that both reach. Equal trained tokens: both curves at the most that both reach.",
  ];
}
