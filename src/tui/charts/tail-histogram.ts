/**
 * Returns of a batch as bars, those of the tail in red and in another shade, with VaR and CVaR as
 * upright lines that carry their names and numbers.
 */
import { formatNumber } from "../../text/numbers.js";
import type { Line, Look, ViewStyle } from "../terminal/line.js";
import { fractionIn, rangeOf, widened } from "./axis.js";
import { CellGrid } from "./cell-grid.js";
import type { ChartOptions } from "./chart.js";
import { closePlot, columnOf, openPlot, type Plot, writeNote } from "./plot-frame.js";

export interface TailHistogram {
  /** Null, NaN and ±∞ are left out. */
  readonly values: readonly (number | null)[];
  /** Whether a value, by its index, belongs to the tail. */
  readonly inTail: (index: number) => boolean;
  /** Null: not marked. */
  readonly var: number | null;
  readonly cvar: number | null;
}

const tailLook: Look = { color: "red" };
const varLook: Look = { color: "magenta", bold: true };
const cvarLook: Look = { color: "red", bold: true };
const eighths = ["", "▁", "▂", "▃", "▄", "▅", "▆", "▇"] as const;

export function tailHistogram(chart: TailHistogram, options: ChartOptions): Line[] {
  const { values } = chart;
  const range = widened(rangeOf(values) ?? { low: 0, high: 1 });
  const kept = [...values.keys()].filter(
    (at) => values[at] !== null && Number.isFinite(values[at]),
  );
  const hasLabels = options.height >= 5;
  const inner = { ...options, height: options.height - (hasLabels ? 1 : 0) };
  // The width of the numbers beside the bars is known only when the highest bar is.
  const bins = (columns: number): Bins => binned(chart, kept, range, columns);
  const axesFor = (most: number) => ({
    x: range,
    wholeX: false,
    y: { low: 0, high: Math.max(1, most) },
    wholeY: true,
    marker: null,
  });
  const guess = openPlot(axesFor(kept.length), inner);
  const counted = bins(guess.grid.columns);
  const plot = openPlot(axesFor(Math.max(0, ...counted.all)), inner);
  drawBars(plot, bins(plot.grid.columns), options);
  drawLevels(plot, chart, options);
  if (kept.length === 0) {
    writeNote(plot, "no returns yet");
  }
  const lines = closePlot(plot, inner);
  return hasLabels
    ? [[{ text: " ".repeat(plot.gutter) }, ...levelNames(plot, chart, options)], ...lines]
    : lines;
}

interface Bins {
  readonly all: readonly number[];
  readonly tail: readonly number[];
}

/** Enough bars to show a tail, few enough that most hold more than one value. */
function binned(
  { values, inTail }: TailHistogram,
  kept: readonly number[],
  range: { readonly low: number; readonly high: number },
  columns: number,
): Bins {
  const count = Math.max(1, Math.min(columns, Math.max(8, Math.round(2 * Math.sqrt(kept.length)))));
  const all = new Array<number>(count).fill(0);
  const tail = new Array<number>(count).fill(0);
  for (const at of kept) {
    const bin = Math.min(count - 1, Math.floor(fractionIn(values[at]!, range) * count));
    all[bin]! += 1;
    tail[bin]! += inTail(at) ? 1 : 0;
  }
  return { all, tail };
}

function drawBars(plot: Plot, { all, tail }: Bins, { style }: ChartOptions): void {
  const { grid, axes } = plot;
  const [tailGlyph, restGlyph] = style.unicode ? ["▓", "█"] : ["#", "o"];
  for (let column = 0; column < grid.columns; column += 1) {
    const bin = Math.floor((column * all.length) / grid.columns);
    const count = all[bin]!;
    if (count === 0) {
      continue;
    }
    const parts = Math.max(1, Math.round((count / axes.y.high) * grid.rows * 8));
    // Whole cells of tail at the foot: shades have no eighths. Any tail at all shows.
    const tailCells = Math.round((parts / 8) * (tail[bin]! / count));
    const shownTail = tail[bin] === 0 ? 0 : Math.max(1, tailCells);
    for (let cell = 0; cell < shownTail; cell += 1) {
      grid.set(grid.rows - 1 - cell, column, tailGlyph, tailLook);
    }
    if (tail[bin] === count) {
      continue;
    }
    for (let cell = shownTail; cell * 8 < parts; cell += 1) {
      const filled = Math.min(8, parts - cell * 8);
      const glyph = filled === 8 || !style.unicode ? restGlyph : eighths[filled]!;
      if (style.unicode || filled >= 4 || cell === 0) {
        grid.set(grid.rows - 1 - cell, column, glyph);
      }
    }
  }
}

interface Level {
  readonly name: string;
  readonly value: number;
  readonly look: Look;
  readonly stroke: string;
}

function levelsOf(chart: TailHistogram, { style }: ChartOptions): Level[] {
  const [varStroke, cvarStroke] = style.unicode ? ["│", "┆"] : ["|", ":"];
  const levels = [
    { name: "CVaR", value: chart.cvar, look: cvarLook, stroke: cvarStroke! },
    { name: "VaR", value: chart.var, look: varLook, stroke: varStroke! },
  ];
  return levels.flatMap(({ value, ...rest }) =>
    value === null || !Number.isFinite(value) ? [] : [{ value, ...rest }],
  );
}

function drawLevels(plot: Plot, chart: TailHistogram, options: ChartOptions): void {
  for (const level of levelsOf(chart, options)) {
    for (let row = 0; row < plot.grid.rows; row += 1) {
      plot.grid.behind(row, columnOf(level.value, plot), level.stroke, level.look);
    }
  }
}

/** A name in the row above the bars. */
interface Label {
  readonly begin: number;
  readonly text: string;
}

/**
 * CVaR lies left of VaR: its name goes to the left of its line, VaR's to the right, as near as there
 * is room. A name that has none stands further off, behind its kind of stroke. Names come in the
 * order of their lines; where not both have room, VaR's is left out.
 */
function levelNames(plot: Plot, chart: TailHistogram, options: ChartOptions): Line {
  const { style } = options;
  const row = new CellGrid(1, plot.grid.columns);
  const levels = levelsOf(chart, options);
  const arrow = style.unicode ? "▾" : "v";
  for (const { value, look } of levels) {
    row.set(0, columnOf(value, plot), arrow, look);
  }
  let before = row.columns;
  for (const [at, level] of levels.toReversed().entries()) {
    const others = levels.slice(0, levels.length - 1 - at);
    const label = labelsOf(level, plot, row, style).find(
      ({ begin, text }) =>
        begin + text.length <= before &&
        others.every((other) => hasLabel(other, plot, row, { begin, text }, style)),
    );
    if (label !== undefined) {
      row.write(0, label.begin, label.text, level.look);
      before = label.begin - 1;
    }
  }
  return row.line(0);
}

/** Whether a level would still have a place left of that label. */
function hasLabel(
  level: Level,
  plot: Plot,
  row: CellGrid,
  taken: Label,
  style: ViewStyle,
): boolean {
  return labelsOf(level, plot, row, style).some(
    ({ begin, text }) => begin + text.length < taken.begin,
  );
}

/** The places that are free, the best first. */
function labelsOf(
  { name, value, stroke }: Level,
  plot: Plot,
  row: CellGrid,
  style: ViewStyle,
): Label[] {
  const column = columnOf(value, plot);
  const beside = (text: string): Label[] => {
    const [left, right] = [column - text.length - 1, column + 2];
    return (name === "CVaR" ? [left, right] : [right, left])
      .filter((begin) => row.hasRoom(0, begin, text.length))
      .map((begin) => ({ begin, text }));
  };
  const number = formatNumber(value, 2, style);
  const whole = `${name} ${number}`;
  const far = `${stroke} ${whole}`;
  const last = row.columns - far.length;
  return [
    ...beside(whole),
    ...beside(name),
    ...Array.from({ length: Math.max(0, last + 1) }, (_, at) => last - at)
      .filter((begin) => row.hasRoom(0, begin, far.length))
      .map((begin) => ({ begin, text: far })),
  ];
}
