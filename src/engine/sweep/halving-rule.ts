/** The rule by which a sweep's points are dropped, as the configuration has it before the run. */
import type { Experiment } from "../../config/schema/experiment.js";

export interface Halving {
  readonly metric: NonNullable<Experiment["sweep"]["halving"]>;
  /** Fraction of an arm's points that go on after a seed. */
  readonly keep: number;
  /** In the order in which they are trained. */
  readonly seeds: readonly number[];
  /** Swept arm → its points, by the arms' names. */
  readonly points: Readonly<Record<string, readonly string[]>>;
}

/** Null: every point trains on every seed. */
export function halvingOf({ sweep, seeds }: Experiment): Halving | null {
  if (sweep.halving === null || sweep.points.length === 0) return null;
  const swept = [...new Set(sweep.points.map(({ of }) => of))];
  const points = Object.fromEntries(
    swept.map((arm) => [
      arm,
      sweep.points.flatMap((point) => (point.of === arm ? [point.arm] : [])),
    ]),
  );
  return { metric: sweep.halving, keep: sweep.keep, seeds: [...new Set(seeds)], points };
}
