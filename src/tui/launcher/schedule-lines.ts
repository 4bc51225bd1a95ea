/** The schedules of α' and β of a run that is about to start: a plot where there is room, words where not. */
import type { Experiment } from "../../config/schema/experiment.js";
import { klStageWords } from "../../text/kl-stages.js";
import { strokeSample } from "../charts/dash.js";
import { lineChart } from "../charts/line-chart.js";
import type { Line, Look, Size, ViewStyle } from "../terminal/line.js";
import { plainText } from "../terminal/plain-text.js";
import { type ScheduleCurve, scheduleCurves } from "./schedule-preview.js";

/** The first in front; strokes tell them apart without colour. */
const looks: readonly Look[] = [
  { color: "cyan", bold: true },
  { color: "magenta" },
  { color: "yellow" },
  { color: "green" },
];

/** Lower plots say less than the words under them. */
const lowestPlot = 4;
const highestPlot = 18;

export function scheduleLines(
  experiment: Pick<Experiment, "arms">,
  { width, height }: Size,
  style: ViewStyle,
): Line[] {
  // Those that drop episodes first: they are what the plot is about.
  const curves = scheduleCurves(experiment).sort((a, b) => least(a) - least(b));
  if (curves.length === 0) {
    return [[{ text: "No arm is trained by RL: no risk schedule.", dim: true }]];
  }
  const words = [
    ...curves.map((curve, at) => legendLine(curve, at, style)),
    ...klLines(experiment, style),
  ];
  const title: Line = [{ text: titleOf(curves, style), bold: true }];
  const plotHeight = Math.min(highestPlot, height - words.length - 1);
  if (plotHeight < lowestPlot) {
    return words;
  }
  const plot = lineChart(
    {
      series: curves.map(({ points }, at) => ({
        xs: points.map(({ iteration }) => iteration),
        ys: points.map(({ tail }) => tail),
        look: lookOf(at),
        dash: at,
      })),
      x: { from: 1, to: Math.max(...curves.map(({ iterations }) => iterations), 2) },
      y: [0, ...curves.map(({ batch }) => batch)],
    },
    { width, height: plotHeight, style },
  );
  return [title, ...plot, ...words];
}

function least({ points }: ScheduleCurve): number {
  return Math.min(...points.map(({ tail }) => tail));
}

function titleOf(curves: readonly ScheduleCurve[], style: ViewStyle): string {
  const batches = [...new Set(curves.map(({ batch }) => batch))].join(" or ");
  const lengths = [...new Set(curves.map(({ iterations }) => iterations))].join(" or ");
  const what = curves.some(({ trainsAll }) => trainsAll) ? "in the tail" : "kept";
  return `Episodes ${what} of ${batches}, over ${lengths} iterations${style.unicode ? " →" : ""}`;
}

function lookOf(at: number): Look {
  return looks[at % looks.length]!;
}

function legendLine({ arms, words }: ScheduleCurve, at: number, style: ViewStyle): Line {
  return [
    { text: `${strokeSample(at, 6, style)} `, ...lookOf(at) },
    { text: `${arms.join(", ")}: ` },
    { text: plainText(words, style), dim: true },
  ];
}

/** β's stages, arms with the same ones together; none where no arm has any. */
function klLines({ arms }: Pick<Experiment, "arms">, style: ViewStyle): Line[] {
  const byWords = new Map<string, string[]>();
  for (const [name, { stage, kl }] of Object.entries(arms)) {
    if (stage !== "rl" || kl.schedule.length === 0) continue;
    const first = `β ${kl.beta}, ${kl.k_beta === 0 ? "fixed" : `target ${kl.target} nats`}`;
    const words = [first, ...kl.schedule.map(klStageWords)].join("; ");
    byWords.set(words, [...(byWords.get(words) ?? []), name]);
  }
  return [...byWords].map(([words, names]) => [
    { text: `KL of ${names.join(", ")}: ` },
    { text: plainText(words, style), dim: true },
  ]);
}
