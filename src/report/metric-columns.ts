/** The figures that tables show, as columns and cells; what each is stands in `text/metric-words`. */
import type { Metric } from "../analysis/evaluation.js";
import {
  costAspects,
  type MetricName,
  type MetricWords,
  metricNames,
  metricWords,
  wordsOfMetric,
} from "../text/metric-words.js";
import { formatNumber, formatSigned, type NumberStyle } from "../text/numbers.js";

export interface MetricColumn extends MetricWords {
  /** Its stored name. */
  readonly metric: string;
  /** Narrow terminals leave out the highest first. */
  readonly rank: number;
}

/** What a narrow terminal keeps longest, first; the others follow in the list's order. */
const foremost: readonly string[] = ["tail_reward", "reward_mean", "cvar_0.1", "harm_rate"];

function columnOf(metric: string, words: MetricWords): MetricColumn {
  const place = foremost.indexOf(metric);
  const rank = place >= 0 ? place : foremost.length + metricNames.indexOf(metric as MetricName);
  return { metric, ...words, rank };
}

const allColumns = metricNames.map((name) => columnOf(name, metricWords[name]));

/** The table of results, in the terminal and in reports. */
export const metricColumns = allColumns.filter(({ shown }) => shown === "table");

/** Shown in reports beside the columns above, where the run has them. */
export const reportOnlyColumns = allColumns.filter(({ shown }) => shown === "check");

/** What the gain cost, aspect by aspect. */
export const costColumns = costAspects.flatMap((aspect) =>
  allColumns.filter(({ cost }) => cost === aspect),
);

/** The column of a metric by its stored name; undefined for metrics that no table shows. */
export function metricColumnOf(metric: string): MetricColumn | undefined {
  const words = wordsOfMetric(metric);
  return words && columnOf(metric, words);
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
