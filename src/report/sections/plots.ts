import type { Block } from "../blocks.js";
import type { Plot } from "../plots/panel.js";

export function plotsSection(plots: readonly Plot[]): Block[] {
  return plots.flatMap((plot): Block[] => [
    { kind: "heading", text: plot.title },
    { kind: "plot", plot },
  ]);
}
