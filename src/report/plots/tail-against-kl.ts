import type { ReportData } from "../report-data.js";
import { frontierCurves } from "./frontier.js";
import type { PlotSpec } from "./panel.js";

/** Tail reward against the distance from the SFT policy, along checkpoints. */
export function tailAgainstKl(data: ReportData): PlotSpec | null {
  const curves = frontierCurves(data, (point) => point.kl);
  if (curves.length === 0) {
    return null;
  }
  return {
    id: "tail-against-kl",
    title: "Tail against KL",
    caption:
      "Each line is one arm on its way through training: at the same KL the higher line has the " +
      "better tail, and an arm that is merely further to the right has only moved further from SFT.",
    panels: [
      {
        title: "Tail reward against distance from SFT",
        x: { name: "KL from the SFT policy, nats an episode" },
        y: { name: "tail reward, raw" },
        curves,
      },
    ],
    columns: 1,
  };
}
