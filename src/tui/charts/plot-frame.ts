/**
 * Axes round a plot. A low plot keeps its numbers and gives up the rule under it; one of two rows
 * gives up the numbers below, a narrow one those beside it.
 */
import type { Line, Look } from "../terminal/line.js";
import { endsOf, fractionIn, type Range, type Tick, ticks, widened } from "./axis.js";
import { CellGrid } from "./cell-grid.js";
import type { ChartOptions } from "./chart.js";

export interface PlotAxes {
  readonly x: Range;
  /** Steps are whole numbers; returns are not. */
  readonly wholeX: boolean;
  readonly y: Range;
  readonly wholeY: boolean;
  /** What stands at a place of the y axis; absent: its number. */
  readonly yText?: (value: number) => string;
  /** An x that is told under the plot; null: none. */
  readonly marker: number | null;
}

export interface Plot {
  readonly grid: CellGrid;
  readonly axes: PlotAxes;
  readonly yTicks: readonly Tick[];
  /** Columns that the numbers of the y axis take, with the axis itself. */
  readonly gutter: number;
  readonly hasRule: boolean;
  readonly hasNumbers: boolean;
}

const dim: Look = { dim: true };
const markerLook: Look = { bold: true };

/** Round numbers would stand too far from where they are in so few rows: the ends do not. */
const fewRows = 3;

/** An empty plot with the room that its axes leave. */
export function openPlot(axes: PlotAxes, { width, height, style }: ChartOptions): Plot {
  const hasNumbers = height >= 3;
  const hasRule = height >= 7;
  const rows = Math.max(0, height - (hasNumbers ? 1 : 0) - (hasRule ? 1 : 0));
  const most = Math.max(2, Math.min(Math.floor((rows + 1) / 2), 3 + Math.floor(rows / 6)));
  // Where all values are one, its own number says more than round ones about it.
  const how = { most, whole: axes.wholeY, style };
  const places = rows < 2 ? [] : rows <= fewRows ? endsOf(axes.y, how) : ticks(axes.y, how);
  const { yText } = axes;
  const yTicks =
    yText === undefined ? places : places.map(({ value }) => ({ value, text: yText(value) }));
  const wanted = Math.max(0, ...yTicks.map(({ text }) => text.length)) + 1;
  const gutter = rows >= 2 && wanted * 2 <= width ? wanted : 0;
  const grid = new CellGrid(rows, Math.max(0, width - gutter));
  return { grid, axes: { ...axes, y: widened(axes.y) }, yTicks, gutter, hasRule, hasNumbers };
}

/** Row of a value in the grid, 0 at the top. */
export function rowOf(value: number, { grid, axes }: Plot): number {
  return Math.round((1 - fractionIn(value, axes.y)) * (grid.rows - 1));
}

export function columnOf(value: number, { grid, axes }: Plot): number {
  return Math.round(fractionIn(value, axes.x) * (grid.columns - 1));
}

/** Where the marker stands, nothing else being there; in a single row it stands in front. */
export function drawMarker(plot: Plot, { style }: ChartOptions): void {
  const { grid, axes } = plot;
  if (axes.marker !== null && isInside(axes.marker, axes.x)) {
    const column = columnOf(axes.marker, plot);
    for (let row = 0; row < grid.rows; row += 1) {
      const glyph = style.unicode ? "┊" : ":";
      if (grid.rows === 1) {
        grid.set(row, column, glyph, markerLook);
      } else {
        grid.behind(row, column, glyph, markerLook);
      }
    }
  }
}

/** Exactly so many lines as the chart is high, exactly as wide. */
export function closePlot(plot: Plot, options: ChartOptions): Line[] {
  const { grid, gutter, hasNumbers, hasRule } = plot;
  const { style, width, height } = options;
  if (width <= 0) {
    return Array.from({ length: Math.max(0, height) }, () => []);
  }
  const labels = new Map(plot.yTicks.map((tick) => [rowOf(tick.value, plot), tick.text]));
  const [edge, edgeTick] = style.unicode ? ["│", "┤"] : ["|", "+"];
  const lines: Line[] = Array.from({ length: grid.rows }, (_, row): Line => {
    const text = labels.get(row);
    const axis = `${(text ?? "").padStart(gutter - 1)}${text === undefined ? edge : edgeTick}`;
    return gutter === 0 ? grid.line(row) : [{ text: axis, dim: true }, ...grid.line(row)];
  });
  if (hasRule) {
    lines.push(rule(plot, options));
  }
  if (hasNumbers) {
    lines.push([{ text: " ".repeat(gutter) }, ...numbers(plot, options)]);
  }
  return lines;
}

function rule(plot: Plot, { style }: ChartOptions): Line {
  const { gutter, grid } = plot;
  const corner = style.unicode ? "└" : "+";
  const under = new CellGrid(1, grid.columns);
  under.write(0, 0, (style.unicode ? "─" : "-").repeat(grid.columns), dim);
  for (const { value } of xTicks(plot, { style })) {
    under.set(0, columnOf(value, plot), style.unicode ? "┴" : "+", dim);
  }
  const left = gutter === 0 ? "" : corner.padStart(gutter);
  return [{ text: left, dim: true }, ...under.line(0)];
}

function xTicks({ axes, grid }: Plot, { style }: Pick<ChartOptions, "style">): Tick[] {
  const most = Math.max(2, Math.floor(grid.columns / 10));
  return ticks(axes.x, { most, whole: axes.wholeX, style });
}

/** The marker's number first, then both ends, then what fits between. */
function numbers(plot: Plot, options: ChartOptions): Line {
  const { axes, grid } = plot;
  const row = new CellGrid(1, grid.columns);
  const put = (column: number, text: string, look: Look): void => {
    const begin = Math.max(
      0,
      Math.min(grid.columns - text.length, column - Math.floor(text.length / 2)),
    );
    if (row.hasRoom(0, begin, text.length)) {
      row.write(0, begin, text, look);
    }
  };
  if (axes.marker !== null && isInside(axes.marker, axes.x)) {
    const arrow = options.style.unicode ? "▴" : "^";
    put(columnOf(axes.marker, plot), `${arrow}${axes.marker}`, markerLook);
  }
  const all = xTicks(plot, options);
  const ordered = [all[0], all.at(-1), ...all.slice(1, -1)];
  for (const tick of ordered) {
    if (tick !== undefined) {
      put(columnOf(tick.value, plot), tick.text, dim);
    }
  }
  return row.line(0);
}

export function isInside(value: number, { low, high }: Range): boolean {
  return value >= low && value <= high;
}

/** A sentence in the middle of an empty plot. */
export function writeNote({ grid }: Plot, text: string): void {
  const shown = text.slice(0, grid.columns);
  const column = Math.floor((grid.columns - shown.length) / 2);
  grid.write(Math.floor((grid.rows - 1) / 2), column, shown, dim);
}
