/** A scatter plot as SVG text, the same on every machine: whole tenths of a pixel, no library. */

export interface Scatter {
  /** For those who cannot see it. */
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A dashed line to compare with; null: none. */
  readonly line?: {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  };
  /** What the points are, beside the line's name. */
  readonly name: string;
}

const width = 640;
const height = 260;
const inside = { left: 64, right: width - 16, top: 30, bottom: height - 44 };
const blue = "#0072b2";
const grey = "#8a8f98";

const tenths = (value: number): string => (Math.round(value * 10) / 10 + 0).toString();

/** 1, 2 or 5 times a power of ten, about so many of them in the range. */
function ticks(low: number, high: number, about: number): number[] {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

const label = (value: number): string => `${Number(value.toPrecision(6)) + 0}`.replace("-", "−");

export function scatter({ title, x, y, name, points, line }: Scatter): string {
  const all = [...points, ...(line?.points ?? [])];
  const range = (of: (point: readonly [number, number]) => number): [number, number] => {
    const values = all.map(of);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const margin = 0.05 * (high - low || 1);
    return [low - margin, high + margin];
  };
  const [xLow, xHigh] = range(([value]) => value);
  const [yLow, yHigh] = range(([, value]) => value);
  const across = (value: number) =>
    inside.left + ((value - xLow) / (xHigh - xLow)) * (inside.right - inside.left);
  const down = (value: number) =>
    inside.bottom - ((value - yLow) / (yHigh - yLow)) * (inside.bottom - inside.top);
  const text = (at: string, words: string, anchor = "middle") =>
    `<text ${at} text-anchor="${anchor}">${words}</text>`;
  const xTicks = ticks(xLow, xHigh, 8).flatMap((value) => [
    `<path d="M${tenths(across(value))} ${inside.bottom}v4" stroke="${grey}"/>`,
    text(`x="${tenths(across(value))}" y="${inside.bottom + 17}"`, label(value)),
  ]);
  const yTicks = ticks(yLow, yHigh, 5).flatMap((value) => [
    `<path d="M${inside.left} ${tenths(down(value))}H${inside.right}" stroke="#e6e8eb"/>`,
    text(`x="${inside.left - 8}" y="${tenths(down(value) + 4)}"`, label(value), "end"),
  ]);
  const middle = (inside.top + inside.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...yTicks,
    ...xTicks,
    `<path d="M${inside.left} ${inside.top}V${inside.bottom}H${inside.right}" fill="none" stroke="${grey}"/>`,
    ...(line === undefined
      ? []
      : [
          `<path d="M${line.points.map(([a, b]) => `${tenths(across(a))} ${tenths(down(b))}`).join("L")}" fill="none" stroke="${grey}" stroke-dasharray="5 4"/>`,
        ]),
    `<g fill="${blue}" fill-opacity="0.75">`,
    ...points.map(
      ([a, b]) => `<circle cx="${tenths(across(a))}" cy="${tenths(down(b))}" r="2.6"/>`,
    ),
    "</g>",
    text(`x="${(inside.left + inside.right) / 2}" y="${height - 8}"`, x),
    text(`transform="translate(14 ${middle}) rotate(-90)"`, y),
    `<circle cx="${inside.left + 6}" cy="16" r="3" fill="${blue}"/>`,
    text(`x="${inside.left + 14}" y="20"`, name, "start"),
    ...(line === undefined
      ? []
      : [
          `<path d="M${inside.left + 250} 16h22" stroke="${grey}" stroke-dasharray="5 4"/>`,
          text(`x="${inside.left + 278}" y="20"`, line.name, "start"),
        ]),
    "</svg>",
    "",
  ].join("\n");
}
