/** An audit's plots: the scores of every arm, and the score against how bad the prompt was. */
import { histogram } from "../../stats/histogram.js";
import { armStyles } from "../arm-style.js";
import { drawPlot } from "../plots/chart.js";
import type { Mark, PlotSpec, ReportPlot } from "../plots/panel.js";
import { roundEdges } from "../plots/round-edges.js";
import type { AuditDescription } from "./audit-description.js";

/** Arm → its scores, in the user's units. */
export type ScoresByArm = ReadonlyMap<string, Float64Array>;

export async function drawAuditPlots(
  description: AuditDescription,
  scores: ScoresByArm,
): Promise<ReportPlot[]> {
  const plots: ReportPlot[] = [];
  for (const spec of [distribution(description, scores), byPrompt(description)]) {
    if (spec !== null) plots.push(await drawPlot(spec));
  }
  return plots;
}

function distribution({ audit, settings }: AuditDescription, scores: ScoresByArm): PlotSpec {
  const arms = Object.entries(audit.arms);
  const edges = roundEdges(
    Math.min(...arms.map(([, { lowest }]) => lowest)),
    Math.max(...arms.map(([, { highest }]) => highest)),
  );
  const styles = armStyles(
    arms.map(([name]) => name),
    {},
  );
  const { harmThreshold, higherIsWorse } = settings;
  const marks: Mark[] =
    harmThreshold === null || harmThreshold < edges[0]! || harmThreshold > edges.at(-1)!
      ? []
      : [
          {
            axis: "x",
            at: harmThreshold,
            label: higherIsWorse ? "harm →" : "← harm",
            side: higherIsWorse ? "right" : "left",
          },
        ];
  return {
    id: "audit-scores",
    title: "Scores",
    caption: `How the scores are spread; the tail is on the ${higherIsWorse ? "right" : "left"}.`,
    panels: [
      {
        title: "Scores of each arm",
        x: { name: "score", min: edges[0]!, max: edges.at(-1)! },
        y: { name: "rows, %", min: 0 },
        curves: arms.map(([name, { n }]) => {
          const { counts } = histogram(scores.get(name)!, edges);
          return {
            name,
            style: styles.get(name)!,
            // Steps hold to the right: the last bin needs its upper edge to close.
            points: edges.map((x, at) => ({ x, y: (100 * (counts[at] ?? 0)) / n })),
            shape: "step" as const,
            markers: "none" as const,
          };
        }),
        marks,
      },
    ],
    columns: 1,
  };
}

function byPrompt({ audit }: AuditDescription): PlotSpec | null {
  const arms = Object.entries(audit.arms).filter(([, arm]) => arm.by_prompt_score !== null);
  if (arms.length === 0) return null;
  const styles = armStyles(Object.keys(audit.arms), {});
  return {
    id: "audit-by-prompt",
    title: "Score by how bad the prompt was",
    caption: "The prompts whose own score is worst are on the left.",
    panels: [
      {
        title: "Mean score of rows by quantile of the prompt's own score",
        x: { name: "quantile of prompt score (0: worst prompt)", min: 0, max: 1 },
        y: { name: "mean score" },
        curves: arms.map(([name, { by_prompt_score: bins }]) => ({
          name,
          style: styles.get(name)!,
          points: bins!.map(({ quantile, score }) => ({ x: quantile, y: score })),
          shape: "line" as const,
          markers: "all" as const,
        })),
      },
    ],
    columns: 1,
  };
}
