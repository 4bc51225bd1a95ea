/**
 * How a distribution moves over training: the 5–95 % band in a light shade, 25–75 % in a darker
 * one, the median as a line, and a further curve as points.
 */
import type { Line, Look } from "../terminal/line.js";
import { type Range, rangeOf } from "./axis.js";
import type { ChartOptions, Zoom } from "./chart.js";
import {
  closePlot,
  columnOf,
  drawMarker,
  isInside,
  openPlot,
  type Plot,
  rowOf,
  writeNote,
} from "./plot-frame.js";

export interface FanRow {
  readonly x: number;
  readonly q05: number;
  readonly q25: number;
  readonly q50: number;
  readonly q75: number;
  readonly q95: number;
}

export interface FanChartData {
  /** Ascending by x; between two rows a straight line is drawn. */
  readonly rows: readonly FanRow[];
  /** Ascending by x; drawn as points. */
  readonly points: { readonly xs: ArrayLike<number>; readonly ys: ArrayLike<number | null> };
  /** Null: all rows. */
  readonly x: Zoom | null;
  readonly marker: number | null;
}

const quantileNames = ["q05", "q25", "q50", "q75", "q95"] as const;
type Quantiles = Record<(typeof quantileNames)[number], number>;

const outer: Look = { dim: true };
const inner: Look = { color: "cyan" };
const median: Look = { bold: true };
const pointLook: Look = { color: "red", bold: true };

/** For the line over the chart that explains it. */
export function fanGlyphs(unicode: boolean) {
  return unicode
    ? { outer: "░", inner: "▒", median: "━", point: "•" }
    : { outer: ".", inner: ":", median: "=", point: "x" };
}

export function fanChart(chart: FanChartData, options: ChartOptions): Line[] {
  const { rows, points } = chart;
  const x = chart.x ?? { from: rows[0]?.x ?? 0, to: rows.at(-1)?.x ?? 1 };
  const shown = { low: x.from, high: x.to };
  const seen = rows.filter((row) => isInside(row.x, shown) && isWhole(row));
  const range = rangeOf(extremes(seen, points, shown));
  const plot = openPlot(
    {
      x: shown,
      wholeX: true,
      y: range ?? { low: 0, high: 1 },
      wholeY: false,
      marker: chart.marker,
    },
    options,
  );
  const glyphs = fanGlyphs(options.style.unicode);
  for (const [column, at] of columnMeans(seen, plot).entries()) {
    if (at !== null) {
      fill(plot, column, at.q95, at.q05, glyphs.outer, outer);
      fill(plot, column, at.q75, at.q25, glyphs.inner, inner);
      plot.grid.set(rowOf(at.q50, plot), column, glyphs.median, median);
    }
  }
  const hasPoints = drawPoints(plot, points, glyphs.point);
  drawMarker(plot, options);
  if (seen.length === 0 && !hasPoints) {
    writeNote(plot, "no returns yet");
  }
  return closePlot(plot, options);
}

function isWhole({ q05, q25, q50, q75, q95 }: FanRow): boolean {
  return (
    Number.isFinite(q05) &&
    Number.isFinite(q25) &&
    Number.isFinite(q50) &&
    Number.isFinite(q75) &&
    Number.isFinite(q95)
  );
}

/** All values that have to be within the y axis. */
function* extremes(
  rows: readonly FanRow[],
  { xs, ys }: FanChartData["points"],
  shown: Range,
): Iterable<number | null> {
  for (const { q05, q95 } of rows) {
    yield q05;
    yield q95;
  }
  for (let at = 0; at < xs.length; at += 1) {
    if (isInside(xs[at]!, shown)) {
      yield ys[at] ?? null;
    }
  }
}

/** One a column, or thousands of steps would blot out the fan. */
function drawPoints(plot: Plot, { xs, ys }: FanChartData["points"], glyph: string): boolean {
  const last = new Map<number, number>();
  for (let at = 0; at < xs.length; at += 1) {
    const y = ys[at] ?? Number.NaN;
    if (Number.isFinite(y) && isInside(xs[at]!, plot.axes.x)) {
      last.set(columnOf(xs[at]!, plot), y);
    }
  }
  for (const [column, y] of last) {
    plot.grid.set(rowOf(y, plot), column, glyph, pointLook);
  }
  return last.size > 0;
}

function fill(
  plot: Plot,
  column: number,
  high: number,
  low: number,
  glyph: string,
  look: Look,
): void {
  for (let row = rowOf(high, plot); row <= rowOf(low, plot); row += 1) {
    plot.grid.set(row, column, glyph, look);
  }
}

/** Mean of the rows that fall in a column, between two such columns a straight line. */
function columnMeans(rows: readonly FanRow[], plot: Plot): (Quantiles | null)[] {
  const means: (Quantiles | null)[] = new Array(plot.grid.columns).fill(null);
  let before: { column: number; at: Quantiles } | null = null;
  for (let begin = 0; begin < rows.length; ) {
    const column = columnOf(rows[begin]!.x, plot);
    let end = begin + 1;
    while (end < rows.length && columnOf(rows[end]!.x, plot) === column) {
      end += 1;
    }
    const at = meanOf(rows.slice(begin, end));
    for (let between = (before?.column ?? column) + 1; between < column; between += 1) {
      const fraction = (between - before!.column) / (column - before!.column);
      means[between] = combined((name) => before!.at[name] * (1 - fraction) + at[name] * fraction);
    }
    means[column] = at;
    before = { column, at };
    begin = end;
  }
  return means;
}

function meanOf(rows: readonly FanRow[]): Quantiles {
  return combined((name) => rows.reduce((sum, row) => sum + row[name] / rows.length, 0));
}

function combined(of: (name: keyof Quantiles) => number): Quantiles {
  return Object.fromEntries(quantileNames.map((name) => [name, of(name)])) as Quantiles;
}
