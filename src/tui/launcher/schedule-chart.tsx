/** The risk schedule of a run that is about to start: a plot where there is room, words where not. */
import type { ReactElement } from "react";
import { lineChart } from "../charts/line-chart.js";
import type { Line, Look, Size, ViewStyle } from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import type { FormCheck } from "./launcher-ports.js";
import { type ScheduleCurve, scheduleCurves } from "./schedule-preview.js";

/** The first in front; a dash tells the others from it without colour. */
const looks: readonly Look[] = [
  { color: "cyan", bold: true },
  { color: "magenta" },
  { color: "yellow" },
  { color: "green" },
];

/** Lower plots say less than the words under them. */
const lowestPlot = 4;
const highestPlot = 18;

export function ScheduleChart({
  check,
  width,
  height,
}: Size & { readonly check: FormCheck }): ReactElement | null {
  const style = useViewStyle();
  return height < 1 ? null : (
    <Lines lines={scheduleLines(check, { width, height }, style)} width={width} height={height} />
  );
}

function scheduleLines(check: FormCheck, { width, height }: Size, style: ViewStyle): Line[] {
  if (!check.ok) {
    const text = "The risk schedule is drawn here once the settings are right.";
    return [[{ text, dim: true }]];
  }
  // Those that drop episodes first: they are what the plot is about.
  const curves = scheduleCurves(check.experiment).sort((a, b) => least(a) - least(b));
  if (curves.length === 0) {
    return [[{ text: "No arm is trained by RL: no risk schedule.", dim: true }]];
  }
  const legend = curves.map((curve, at) => legendLine(curve, at, style));
  const title: Line = [{ text: titleOf(curves, style), bold: true }];
  const plotHeight = Math.min(highestPlot, height - legend.length - 1);
  if (plotHeight < lowestPlot) {
    return legend;
  }
  const plot = lineChart(
    {
      series: curves.map(({ points }, at) => ({
        xs: points.map(({ iteration }) => iteration),
        ys: points.map(({ kept }) => kept),
        look: lookOf(at),
        dashed: at > 0,
      })),
      x: { from: 1, to: Math.max(...curves.map(({ iterations }) => iterations), 2) },
      y: [0, ...curves.map(({ batch }) => batch)],
    },
    { width, height: plotHeight, style },
  );
  return [title, ...plot, ...legend];
}

function least({ points }: ScheduleCurve): number {
  return Math.min(...points.map(({ kept }) => kept));
}

function titleOf(curves: readonly ScheduleCurve[], style: ViewStyle): string {
  const batches = [...new Set(curves.map(({ batch }) => batch))].join(" or ");
  const lengths = [...new Set(curves.map(({ iterations }) => iterations))].join(" or ");
  return `Episodes kept of ${batches}, over ${lengths} iterations${style.unicode ? " →" : ""}`;
}

function lookOf(at: number): Look {
  return looks[at % looks.length]!;
}

function legendLine({ arms, words }: ScheduleCurve, at: number, style: ViewStyle): Line {
  const stroke = style.unicode ? (at === 0 ? "━━ " : "╌╌ ") : at === 0 ? "-- " : "-  ";
  return [
    { text: stroke, ...lookOf(at) },
    { text: `${arms.join(", ")}: ` },
    { text: words, dim: true },
  ];
}
