/** Several seeds' curves as one mean curve with a band. */
import type { Point } from "../../stats/interpolation.js";
import { mean, sd } from "../../stats/intervals.js";
import type { Curve } from "./panel.js";

export interface SeedMean {
  readonly points: readonly Point[];
  /** Mean ± one standard deviation; absent with one seed. */
  readonly band?: NonNullable<Curve["band"]>;
}

/**
 * Mean over seeds at each x that any seed has. The band takes only the x that at least two have,
 * so a seed that stopped early neither breaks nor narrows it to nothing.
 */
export function seedMean(seeds: readonly (readonly Point[])[]): SeedMean {
  const byX = new Map<number, number[]>();
  for (const { x, y } of seeds.flat()) {
    const values = byX.get(x);
    if (values === undefined) {
      byX.set(x, [y]);
    } else {
      values.push(y);
    }
  }
  const columns = [...byX].sort(([a], [b]) => a - b);
  const points = columns.map(([x, values]) => ({ x, y: mean(values) }));
  const band = columns.flatMap(([x, values]) => {
    const spread = sd(values);
    const centre = mean(values);
    return spread === null ? [] : [{ x, low: centre - spread, high: centre + spread }];
  });
  return band.length === 0 ? { points } : { points, band };
}

/** A band of what is never negative ends there. */
export function aboveZero({ points, band }: SeedMean): SeedMean {
  return band === undefined
    ? { points }
    : { points, band: band.map(({ x, low, high }) => ({ x, low: Math.max(0, low), high })) };
}
