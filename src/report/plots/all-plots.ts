import type { ReportData } from "../report-data.js";
import { drawPlot } from "./chart.js";
import { componentCurves } from "./component-curves.js";
import { tailAgainstCompute, tailAgainstKl } from "./frontier.js";
import { gainAndCost } from "./gain-and-cost.js";
import { sweepHeatMaps } from "./heat-map.js";
import { lossCurves } from "./loss-curves.js";
import type { ReportPlot } from "./panel.js";
import { qualityAndTail } from "./quality-and-tail.js";
import { quantileCurve } from "./quantile-curve.js";
import { rewardHistogram } from "./reward-histogram.js";
import { strataShares } from "./strata-shares.js";
import { paretoPlot, tailAgainstKeys } from "./sweep.js";
import { trainingCurves } from "./training-curves.js";

/** In the order in which a report shows them. */
const kinds = [
  tailAgainstKeys,
  paretoPlot,
  rewardHistogram,
  quantileCurve,
  tailAgainstKl,
  tailAgainstCompute,
  qualityAndTail,
  componentCurves,
  lossCurves,
  trainingCurves,
  strataShares,
  gainAndCost,
] as const;

/** Every plot that the run has figures for. */
export async function drawPlots(data: ReportData): Promise<ReportPlot[]> {
  const plots: ReportPlot[] = [];
  for (const kind of kinds) {
    const spec = kind(data);
    if (spec !== null) {
      plots.push(await drawPlot(spec));
    }
  }
  plots.push(...sweepHeatMaps(data));
  return plots;
}
