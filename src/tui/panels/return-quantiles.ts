/** Quantiles of a batch's returns, for the fan over training. */

import type { Episodes } from "../../journal/events.js";
import { quantile } from "../../stats/quantile.js";
import type { FanRow } from "../charts/fan-chart.js";

/** Of the episodes that have a return; null: none has. */
export function returnQuantiles(step: number, episodes: Episodes): FanRow | null {
  const returns = Float64Array.from(
    episodes.return.filter((value) => value !== null && Number.isFinite(value)) as number[],
  );
  if (returns.length === 0) {
    return null;
  }
  const [q05, q25, q50, q75, q95] = [0.05, 0.25, 0.5, 0.75, 0.95].map((p) => quantile(returns, p));
  return { step, q05: q05!, q25: q25!, q50: q50!, q75: q75!, q95: q95! };
}
