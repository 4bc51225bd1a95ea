import { formatCount } from "../number-format.js";
import type { ReportData } from "../report-data.js";
import { frontierCurves } from "./frontier.js";
import type { PlotSpec } from "./panel.js";

/** Tail reward against what the updates cost, along checkpoints. */
export function tailAgainstCompute(data: ReportData): PlotSpec | null {
  const curves = frontierCurves(data, (point) => point.compute);
  if (curves.length === 0) {
    return null;
  }
  return {
    id: "tail-against-compute",
    title: "Tail against compute",
    caption:
      "The same arms against the work of their updates: an arm that drops episodes stops further " +
      "to the left, and is ahead where its line is higher at the same x.",
    panels: [
      {
        title: "Tail reward against update compute",
        x: { name: "tokens in updates (kept episodes × tokens × passes)", format: formatCount },
        y: { name: "tail reward, raw" },
        curves,
      },
    ],
    columns: 1,
  };
}
