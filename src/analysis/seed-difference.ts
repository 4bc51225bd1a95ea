/** What the seeds' paired figures of two arms tell of their difference. */
import { standardisedDifference } from "../stats/effect-size.js";
import { sd } from "../stats/intervals.js";
import { pairedTest } from "../stats/paired-test.js";
import { detectableDifference, pairsNeeded } from "../stats/power.js";
import type { Comparison } from "./evaluation.js";

export type SeedDifference = Pick<
  Comparison,
  "difference" | "ci95" | "p" | "effect_size" | "power"
>;

export const noDifference: SeedDifference = {
  difference: null,
  ci95: null,
  p: null,
  effect_size: null,
  power: null,
};

/** @param a one figure per seed, as `b`: at least one */
export function seedDifference(a: readonly number[], b: readonly number[]): SeedDifference {
  const { difference, interval: ci95, p } = pairedTest(a, b);
  const spread = sd(a.map((value, seed) => value - b[seed]!));
  const size = Math.abs(difference);
  return {
    difference,
    ci95,
    p,
    effect_size: standardisedDifference(a, b),
    power:
      spread === null
        ? null
        : {
            difference: size,
            seeds_needed: pairsNeeded(size, spread),
            detectable: detectableDifference(a.length, spread),
          },
  };
}
