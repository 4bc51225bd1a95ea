/** Tail reward over two keys of a sweep, one map per arm that both of them change. */
import { formatNumber } from "../../text/numbers.js";
import type { ReportData } from "../report-data.js";
import { font, ink, type ReportPlot } from "./panel.js";

const cell = { width: 92, height: 44 };
const margin = { left: 96, top: 62, right: 24, bottom: 52 };
/** Of the lowest and the highest figure: pale to dark blue, which print and colour-blind readers keep apart. */
const colours = [
  [247, 251, 255],
  [0, 84, 140],
] as const;

export function sweepHeatMaps(data: ReportData): ReportPlot[] {
  const { sweep, arms } = data.evaluation;
  if (sweep === undefined) return [];
  return [...new Set(sweep.points.map(({ of }) => of))].flatMap((of, nth): ReportPlot[] => {
    const points = sweep.points.filter((point) => point.of === of && arms[point.arm] !== undefined);
    const keys = [...new Set(points.flatMap(({ values }) => Object.keys(values)))];
    const [x, y] = keys;
    if (x === undefined || y === undefined || keys.length !== 2) return [];
    const columns = numbers(points.map(({ values }) => values[x]));
    const rows = numbers(points.map(({ values }) => values[y]));
    if (columns.length < 2 || rows.length < 2) return [];
    const cells = points.flatMap(({ arm, values }) => {
      const tail = arms[arm]!.metrics.tail_reward;
      if (tail === undefined) return [];
      const [column, row] = [
        columns.indexOf(values[x] as number),
        rows.indexOf(values[y] as number),
      ];
      const spread = tail.sd === null ? "" : `±${formatNumber(tail.sd, 2)}`;
      return [{ column, row, value: tail.mean, spread }];
    });
    const title = `Tail reward of ${of} over ${x} and ${y}`;
    return [
      {
        id: `sweep-heat-map-${nth + 1}`,
        title,
        caption:
          `Mean tail reward of the final policies of ${of}, darker is higher; ± is the standard ` +
          "deviation over seeds. An empty cell was not trained.",
        svg: drawn(title, { x, y, columns, rows }, cells),
      },
    ];
  });
}

/** Ascending, each once; empty where one is no number. */
function numbers(values: readonly unknown[]): number[] {
  const found = values.filter((value) => typeof value === "number");
  return found.length < values.length ? [] : [...new Set(found)].sort((a, b) => a - b);
}

interface Axes {
  readonly x: string;
  readonly y: string;
  readonly columns: readonly number[];
  readonly rows: readonly number[];
}

interface HeatCell {
  readonly column: number;
  readonly row: number;
  readonly value: number;
  readonly spread: string;
}

function drawn(title: string, { x, y, columns, rows }: Axes, cells: readonly HeatCell[]): string {
  const width = margin.left + columns.length * cell.width + margin.right;
  const height = margin.top + rows.length * cell.height + margin.bottom;
  const low = Math.min(...cells.map(({ value }) => value));
  const high = Math.max(...cells.map(({ value }) => value));
  const left = (column: number) => margin.left + column * cell.width;
  // The highest value of a key stands at the top, as on an axis.
  const top = (row: number) => margin.top + (rows.length - 1 - row) * cell.height;
  const middle = { x: cell.width / 2, y: cell.height / 2 };
  const boxes = cells.map(({ column, row, value, spread }) => {
    const part = high > low ? (value - low) / (high - low) : 0.5;
    const colour = part > 0.55 ? "#ffffff" : ink;
    const shift = spread === "" ? 5 : -1;
    return [
      `<rect x="${left(column)}" y="${top(row)}" width="${cell.width}" height="${cell.height}" fill="${fill(part)}" stroke="#ffffff"/>`,
      text(left(column) + middle.x, top(row) + middle.y + shift, formatNumber(value, 2), {
        fill: colour,
        size: 13,
      }),
      ...(spread === ""
        ? []
        : [
            text(left(column) + middle.x, top(row) + middle.y + 14, spread, {
              fill: colour,
              size: 10,
            }),
          ]),
    ].join("");
  });
  const base = margin.top + rows.length * cell.height;
  return [
    `<svg role="img" aria-label="${escaped(title)}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" style="max-width: ${width}px">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(margin.left, 26, title, { anchor: "start", size: 13, weight: 600 }),
    ...boxes,
    ...columns.map((value, column) => text(left(column) + middle.x, base + 18, String(value), {})),
    ...rows.map((value, row) =>
      text(margin.left - 10, top(row) + middle.y + 4, String(value), { anchor: "end" }),
    ),
    text(margin.left + (columns.length * cell.width) / 2, base + 40, x, { size: 12 }),
    text(margin.left - 10, margin.top - 12, y, { anchor: "end", size: 12 }),
    "</svg>",
  ].join("\n");
}

function text(
  x: number,
  y: number,
  words: string,
  look: {
    readonly fill?: string;
    readonly size?: number;
    readonly anchor?: string;
    readonly weight?: number;
  },
): string {
  const { fill: colour = ink, size = 11, anchor = "middle", weight = 400 } = look;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="${escaped(font)}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escaped(words)}</text>`;
}

/** @param part from 0 to 1 */
function fill(part: number): string {
  const [pale, dark] = colours;
  const mixed = pale.map((channel, at) => Math.round(channel + part * (dark[at]! - channel)));
  return `rgb(${mixed.join(", ")})`;
}

function escaped(words: string): string {
  return words
    .replace(/&/g, "&amp;")
    .replace(/"/g, "&quot;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");
}
