/** The figures that tables show: their names, digits, and which direction is good. */
import type { Metric, MetricName } from "../analysis/evaluation.js";
import { formatNumber, formatSigned, type NumberStyle } from "../text/numbers.js";

export interface MetricColumn {
  readonly metric: MetricName;
  /** Where there is room. */
  readonly title: string;
  /** Where there is little. */
  readonly short: string;
  /** Title without characters outside ASCII. */
  readonly ascii: string;
  readonly digits: number;
  /** The stored figure times this is shown (100 for a fraction in %). */
  readonly factor: number;
  readonly better: "higher" | "lower" | "neither";
  /** One line for a legend. */
  readonly meaning: string;
  /** Narrow terminals leave out the highest first. */
  readonly rank: number;
}

export const metricColumns: readonly MetricColumn[] = [
  {
    metric: "reward_mean",
    title: "mean reward",
    short: "reward",
    ascii: "mean reward",
    digits: 2,
    factor: 1,
    better: "higher",
    meaning: "raw reward, mean over all test prompts",
    rank: 1,
  },
  {
    metric: "tail_reward",
    title: "tail reward",
    short: "tail",
    ascii: "tail reward",
    digits: 2,
    factor: 1,
    better: "higher",
    meaning: "mean over the prompts that score worst on their own",
    rank: 0,
  },
  {
    metric: "cvar_0.1",
    title: "CVaR₀.₁",
    short: "CVaR₀.₁",
    ascii: "CVaR 0.1",
    digits: 2,
    factor: 1,
    better: "higher",
    meaning: "mean over the worst tenth of the completions",
    rank: 2,
  },
  {
    metric: "harm_rate",
    title: "harm rate %",
    short: "harm %",
    ascii: "harm rate %",
    digits: 1,
    factor: 100,
    better: "lower",
    meaning: "fraction of completions under the harm threshold",
    rank: 3,
  },
  {
    metric: "perplexity",
    title: "perplexity",
    short: "ppl",
    ascii: "perplexity",
    digits: 1,
    factor: 1,
    better: "lower",
    meaning: "on held-out texts of the good class",
    rank: 4,
  },
  {
    metric: "dist_2",
    title: "Dist-2",
    short: "Dist-2",
    ascii: "Dist-2",
    digits: 3,
    factor: 1,
    better: "higher",
    meaning: "fraction of distinct pairs of tokens; falls when texts repeat themselves",
    rank: 5,
  },
  {
    metric: "length_mean",
    title: "length",
    short: "length",
    ascii: "length",
    digits: 1,
    factor: 1,
    better: "neither",
    meaning: "generated tokens",
    rank: 6,
  },
  {
    metric: "seconds",
    title: "seconds",
    short: "sec",
    ascii: "seconds",
    digits: 0,
    factor: 1,
    better: "lower",
    meaning: "of SFT or RL training alone, without loading and evaluating",
    rank: 7,
  },
];

/** Shown in reports beside the columns above, where the run has them. */
export const reportOnlyColumns: readonly MetricColumn[] = [
  {
    metric: "judge_reward",
    title: "judge reward",
    short: "judge",
    ascii: "judge reward",
    digits: 2,
    factor: 1,
    better: "higher",
    meaning: "mean score of a classifier that was never trained against",
    rank: 8,
  },
  {
    metric: "judge_tail",
    title: "judge tail",
    short: "j-tail",
    ascii: "judge tail",
    digits: 2,
    factor: 1,
    better: "higher",
    meaning: "the judge's mean over the worst prompts",
    rank: 9,
  },
  {
    metric: "kl_mean",
    title: "KL, nats",
    short: "KL",
    ascii: "KL, nats",
    digits: 2,
    factor: 1,
    better: "neither",
    meaning: "distance from the SFT policy, nats per episode",
    rank: 10,
  },
];

/** The column of a metric by its stored name; undefined for metrics that no table shows. */
export function metricColumnOf(metric: string): MetricColumn | undefined {
  return [...metricColumns, ...reportOnlyColumns].find((column) => column.metric === metric);
}

/** What stands behind a mean: nothing, the standard deviation over seeds, or its 95 % interval. */
export type Spread = "none" | "sd" | "ci";

export interface CellStyle extends NumberStyle {
  /** The figure is a difference: its sign shows. */
  readonly signed?: boolean;
}

/** The mean of a metric in the column's unit and digits. */
export function meanText(
  metric: Metric | undefined,
  column: MetricColumn,
  style: CellStyle,
): string {
  return figureText(metric?.mean ?? null, column, style);
}

/** `±0.05`, `[1.10, 1.42]`, or nothing where one seed allows no spread. */
export function spreadText(
  metric: Metric | undefined,
  column: MetricColumn,
  spread: Spread,
  style: CellStyle,
): string {
  if (spread === "sd" && metric?.sd != null) {
    return `${style.unicode ? "±" : "+-"}${figureText(metric.sd, column, { ...style, signed: false })}`;
  }
  if (spread === "ci" && metric?.ci95 != null) {
    const [low, high] = metric.ci95;
    return `[${figureText(low, column, style)}, ${figureText(high, column, style)}]`;
  }
  return "";
}

function figureText(value: number | null, column: MetricColumn, style: CellStyle): string {
  const scaled = value === null ? null : value * column.factor;
  return (style.signed === true ? formatSigned : formatNumber)(scaled, column.digits, style);
}
