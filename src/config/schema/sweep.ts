/** One experiment at many settings: which keys vary, over what, and which points are dropped early. */
import { z } from "zod";
import { keptBestMetrics } from "../../text/metric-words.js";
import { name, openFraction, positiveInt, word } from "./fields.js";

export const sweepSchema = z.strictObject({
  grid: z
    .record(z.string(), z.union([z.array(z.unknown()).min(1), z.string()]))
    .default({})
    .describe(
      "key of an arm → its values, a list, or with `random` also a range lo..hi or log:lo..hi; one " +
        "point per combination; {}: no sweep",
    ),
  arms: z
    .array(name)
    .min(1)
    .nullable()
    .default(null)
    .describe(
      "arms that are swept; null: every arm trained with RL that a key of the grid changes",
    ),
  random: positiveInt
    .max(1000)
    .nullable()
    .default(null)
    .describe("points drawn from the grid, no two alike; null: all combinations"),
  draw: word.default(0).describe("seed of that draw"),
  halving: z
    .enum(keptBestMetrics)
    .nullable()
    .default(null)
    .describe(
      "after each seed only the best points of each arm go on, by the mean of this figure of their " +
        "final evaluations so far; null: every point trains on every seed",
    ),
  keep: openFraction
    .lt(1)
    .default(0.5)
    .describe("fraction of the points that halving keeps after a seed, rounded up"),
});

/** A setting that an arm trains at: an arm of its own. */
const point = z.strictObject({
  arm: z.string(),
  /** Arm of the experiment that it is a setting of. */
  of: z.string(),
  /** Key of the grid that changes this arm → its value, in the grid's order. */
  values: z.record(z.string(), z.unknown()),
});

/** With the points that follow from the grid; empty: no sweep. */
export const resolvedSweepSchema = sweepSchema.extend({ points: z.array(point) });

export type SweepConfig = z.infer<typeof sweepSchema>;
export type ResolvedSweep = z.infer<typeof resolvedSweepSchema>;
export type SweepPoint = z.infer<typeof point>;
