import type { Metric } from "../experiment/evaluation.js";
import type { MetricColumn } from "./metric-columns.js";
import { formatNumber, formatSigned, type NumberStyle } from "./number-format.js";

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
