import type { Metric } from "../experiment/evaluation.js";
import type { MetricColumn } from "./metric-columns.js";
import { formatNumber, type NumberStyle } from "./number-format.js";

/** What stands behind a mean: nothing, the standard deviation over seeds, or its 95 % interval. */
export type Spread = "none" | "sd" | "ci";

/** The mean of a metric in the column's unit and digits. */
export function meanText(
  metric: Metric | undefined,
  column: MetricColumn,
  style: NumberStyle,
): string {
  return formatNumber(
    metric === undefined ? null : metric.mean * column.factor,
    column.digits,
    style,
  );
}

/** `±0.05`, `[1.10, 1.42]`, or nothing where one seed allows no spread. */
export function spreadText(
  metric: Metric | undefined,
  column: MetricColumn,
  spread: Spread,
  style: NumberStyle,
): string {
  const figure = (value: number): string =>
    formatNumber(value * column.factor, column.digits, style);
  if (spread === "sd" && metric?.sd != null) {
    return `${style.unicode ? "±" : "+-"}${figure(metric.sd)}`;
  }
  if (spread === "ci" && metric?.ci95 != null) {
    return `[${figure(metric.ci95[0])}, ${figure(metric.ci95[1])}]`;
  }
  return "";
}
