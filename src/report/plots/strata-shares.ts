/** How the samplers that learn have spread their batches over the prompts. */
import type { promptSamplers } from "../../risk/samplers/registry.js";
import { type ArmStyle, styleAt } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve, PlotPanel, PlotSpec } from "./panel.js";
import { seedMean } from "./seed-mean.js";

type Trial = ReportData["trials"][number];

/** More strata than this are drawn as so many groups of neighbours. */
const mostCurves = 10;

/** Null where every arm draws in fixed parts. */
export function strataShares(data: ReportData): PlotSpec | null {
  const panels = data.arms.flatMap((arm): PlotPanel[] => {
    const strategy = data.run.experiment.arms[arm]?.sampling.strategy;
    const trials = data.trials.filter((trial) => trial.arm === arm && sharesOf(trial).length > 0);
    const isLearned = strategy === "cross-entropy" || strategy === "replay";
    return trials.length > 0 && isLearned ? [panelOf(arm, strategy, trials)] : [];
  });
  return panels.length === 0
    ? null
    : {
        id: "strata-shares",
        title: "Where the prompts come from",
        caption:
          "Share of each batch by stratum of prompts, the hardest first; the dashed line is a stratum's " +
          "share of all prompts. A share that rises is of prompts whose episodes land in the tail.",
        panels,
        columns: Math.min(2, panels.length),
      };
}

function panelOf(arm: string, strategy: keyof typeof promptSamplers, trials: Trial[]): PlotPanel {
  const shares = trials.map(sharesOf);
  const strata = shares[0]![0]!.shares.length;
  const count = Math.min(strata, mostCurves);
  const curves = Array.from({ length: count }, (_, at): Curve => {
    const from = Math.floor((at * strata) / count);
    const to = Math.floor(((at + 1) * strata) / count);
    const seeds = shares.map((steps) =>
      steps.map(({ x, shares: all }) => ({
        x,
        y: all.slice(from, to).reduce((sum, share) => sum + share, 0),
      })),
    );
    const name = stratumName(strategy, from, to, strata);
    return { name, style: styleOf(at, count), ...seedMean(seeds), shape: "line", markers: "none" };
  });
  return {
    title: arm,
    x: { name: "iteration", min: 0 },
    y: { name: "share of the batch", min: 0 },
    curves,
    ...(strategy === "cross-entropy"
      ? { marks: [{ axis: "y" as const, at: 1 / count, label: "natural share" }] }
      : {}),
  };
}

function sharesOf({ steps }: Trial): { readonly x: number; readonly shares: readonly number[] }[] {
  return steps.flatMap(({ step, sampling }) =>
    sampling === undefined ? [] : [{ x: step + 1, shares: sampling.shares }],
  );
}

function stratumName(
  strategy: keyof typeof promptSamplers,
  from: number,
  to: number,
  strata: number,
): string {
  if (strategy === "replay") {
    return from === 0 ? "recent tail prompts" : "other prompts";
  }
  const numbers = to - from === 1 ? `${from + 1}` : `${from + 1}–${to}`;
  const place = from === 0 ? " (hardest)" : to === strata ? " (easiest)" : "";
  return `stratum ${numbers}${place}`;
}

/** From red, hard, over grey to blue. */
function styleOf(at: number, count: number): ArmStyle {
  const [hard, middle, easy] = [
    [0xd5, 0x5e, 0x00],
    [0xb0, 0xb0, 0xb0],
    [0x00, 0x72, 0xb2],
  ] as const;
  const place = count === 1 ? 0 : (2 * at) / (count - 1);
  const [from, to] = place <= 1 ? [hard, middle] : [middle, easy];
  const part = place <= 1 ? place : place - 1;
  const channels = from.map((value, channel) => Math.round(value + part * (to[channel]! - value)));
  const color = `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  return { ...styleAt(at), color };
}
