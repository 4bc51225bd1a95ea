/** Curves over steps: braille dots, or in ASCII strokes of three heights. */
import type { Line, Look } from "../terminal/line.js";
import { fractionIn, type Range, rangeOf } from "./axis.js";
import type { ChartOptions, Zoom } from "./chart.js";
import { DotCanvas } from "./dot-canvas.js";
import {
  closePlot,
  drawMarker,
  isInside,
  openPlot,
  type Plot,
  rowOf,
  writeNote,
} from "./plot-frame.js";

export interface Series {
  /** Ascending. */
  readonly xs: ArrayLike<number>;
  /** As many; null, NaN and ±∞ are gaps. */
  readonly ys: ArrayLike<number | null>;
  readonly look: Look;
  /**
   * Its stroke (`dash.ts`), by which it is told from the others without colour; absent, 0: unbroken.
   * Others are in the background: drawn without the lowest and highest of points that crowd.
   */
  readonly dash?: number;
}

export interface LineChart {
  /** The first is in front. */
  readonly series: readonly Series[];
  /** What the x axis shows; null: all points. */
  readonly x: Zoom | null;
  /** Values that the y axis holds in any case. */
  readonly y?: readonly number[];
  /** x of a vertical line; null: none. */
  readonly marker?: number | null;
  /** y of a horizontal line; null: none. */
  readonly reference?: number | null;
  /** The y axis goes by powers of ten; what is not over 0 is a gap. */
  readonly isLog?: boolean;
}

const dim: Look = { dim: true };

export function lineChart(given: LineChart, options: ChartOptions): Line[] {
  const chart = given.isLog === true ? onLogAxis(given) : given;
  const x = chart.x ?? allOf(chart.series.map(({ xs }) => xs));
  const shown = { low: x.from, high: x.to };
  const inView = chart.series.map((series) => partInView(series, shown));
  const { reference = null, marker = null } = chart;
  const yRange = rangeOf([
    ...inView.flatMap(({ range }) => (range === null ? [] : [range.low, range.high])),
    ...(chart.y ?? []),
    reference,
  ]);
  const plot = openPlot(
    {
      x: shown,
      wholeX: true,
      y: yRange ?? { low: 0, high: 1 },
      // Whole powers of ten where there are two of them.
      wholeY: given.isLog === true && yRange !== null && decades(yRange) >= 2,
      ...(given.isLog === true ? { yText: (power: number) => powerText(power, options) } : {}),
      marker,
    },
    options,
  );
  const { grid } = plot;
  const canvas = new DotCanvas(
    grid.rows,
    grid.columns,
    chart.series.map(({ look, dash = 0 }) => ({ look, dash })),
    options.style,
  );
  for (const [ink, part] of inView.entries()) {
    drawSeries(canvas, part, plot, ink);
  }
  canvas.paint(grid);
  for (const [ink, part] of inView.entries()) {
    drawSinglePoint(plot, part, chart.series[ink]!, options);
  }
  if (reference !== null && Number.isFinite(reference)) {
    drawReference(plot, reference, options);
  }
  drawMarker(plot, options);
  if (inView.every(({ range }) => range === null)) {
    const has = given.series.some(({ ys }) =>
      Array.from(ys).some((y) => Number.isFinite(y ?? NaN)),
    );
    writeNote(
      plot,
      has && given.isLog === true ? "nothing over 0 for a log axis" : "no figures yet",
    );
  }
  return closePlot(plot, options);
}

function onLogAxis(chart: LineChart): LineChart {
  const { series, y = [], reference = null } = chart;
  const power = (value: number | null): number | null =>
    value !== null && value > 0 ? Math.log10(value) : null;
  return {
    ...chart,
    series: series.map((one) => ({ ...one, ys: Array.from(one.ys, power) })),
    y: y.flatMap((value) => power(value) ?? []),
    reference: power(reference),
  };
}

function decades({ low, high }: Range): number {
  return Math.floor(high) - Math.ceil(low) + 1;
}

/** 100 · 0.03 · 1e−7 */
function powerText(power: number, { style }: ChartOptions): string {
  const value = Number((10 ** power).toPrecision(2));
  const text =
    value >= 1e5 || value < 1e-4 ? value.toExponential().replace("e+", "e") : String(value);
  return style.unicode ? text.replaceAll("-", "−") : text;
}

function allOf(axes: readonly ArrayLike<number>[]): Zoom {
  const range = rangeOf(
    axes.flatMap((xs) => (xs.length === 0 ? [] : [xs[0]!, xs[xs.length - 1]!])),
  );
  return { from: range?.low ?? 0, to: range?.high ?? 1 };
}

/** The points of a series within the view, gaps in. */
interface Part {
  readonly series: Series;
  /** First index in, and first one after. */
  readonly begin: number;
  readonly end: number;
  readonly range: Range | null;
  /** Finite points. */
  readonly points: number;
}

function partInView(series: Series, shown: Range): Part {
  const { xs, ys } = series;
  let begin = 0;
  while (begin < xs.length && xs[begin]! < shown.low) {
    begin += 1;
  }
  let end = begin;
  let points = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (; end < xs.length && xs[end]! <= shown.high; end += 1) {
    const y = ys[end] ?? Number.NaN;
    if (Number.isFinite(y)) {
      points += 1;
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  return { series, begin, end, points, range: points === 0 ? null : { low, high } };
}

/** Points in a column of dots from which on they crowd. */
const crowd = 4;

/**
 * Points that share a column of dots become one upright stroke from the lowest to the highest of
 * them; where they crowd, the curve goes through their mean, and the lowest and the highest are dots
 * off it. So ten thousand steps cost no more to draw than a few hundred, noise does not hide where
 * they go, and no peak is lost.
 */
function drawSeries(canvas: DotCanvas, part: Part, { axes }: Plot, ink: number): void {
  const { xs, ys } = part.series;
  const rowAt = (y: number): number =>
    Math.round((1 - fractionIn(y, axes.y)) * (canvas.height - 1));
  let column = -1;
  let [low, high, first, last, mean, count] = [0, 0, 0, 0, 0, 0];
  /** Column and row where the curve was left; null: a gap lies between. */
  let left: readonly [number, number] | null = null;
  const close = (): void => {
    if (column >= 0) {
      const isCrowd = count >= crowd;
      const [enter, leave] = isCrowd ? [rowAt(mean), rowAt(mean)] : [rowAt(first), rowAt(last)];
      if (left !== null) {
        canvas.line(left[0], left[1], column, enter, ink);
      }
      if (isCrowd) {
        canvas.dot(column, enter, ink);
        if ((part.series.dash ?? 0) === 0) {
          canvas.dot(column, rowAt(high), ink);
          canvas.dot(column, rowAt(low), ink);
        }
      } else {
        canvas.line(column, rowAt(high), column, rowAt(low), ink);
      }
      left = [column, leave];
    }
    column = -1;
  };
  for (let at = part.begin; at < part.end; at += 1) {
    const y = ys[at] ?? Number.NaN;
    if (!Number.isFinite(y)) {
      close();
      left = null;
      continue;
    }
    const here = Math.round(fractionIn(xs[at]!, axes.x) * (canvas.width - 1));
    if (here !== column) {
      close();
      [column, low, high, first, mean, count] = [here, y, y, y, 0, 0];
    } else if (y < low) {
      low = y;
    } else if (y > high) {
      high = y;
    }
    count += 1;
    // Not by the difference: that of two finite numbers may be infinite.
    const part = 1 / count;
    mean = mean * (1 - part) + y * part;
    last = y;
  }
  close();
}

/** One dot is easily missed. */
function drawSinglePoint(plot: Plot, part: Part, { look }: Series, { style }: ChartOptions): void {
  if (part.points !== 1) {
    return;
  }
  const { xs, ys } = part.series;
  for (let at = part.begin; at < part.end; at += 1) {
    const y = ys[at] ?? null;
    if (y !== null && Number.isFinite(y)) {
      const column = Math.round(fractionIn(xs[at]!, plot.axes.x) * (plot.grid.columns - 1));
      plot.grid.set(rowOf(y, plot), column, style.unicode ? "•" : "o", look);
    }
  }
}

function drawReference(plot: Plot, value: number, { style }: ChartOptions): void {
  if (isInside(value, plot.axes.y)) {
    for (let column = 0; column < plot.grid.columns; column += style.unicode ? 1 : 2) {
      plot.grid.behind(rowOf(value, plot), column, style.unicode ? "┄" : "=", dim);
    }
  }
}
