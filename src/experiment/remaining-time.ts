/** How long a run's iterations will still take, for a list of runs: a view of one knows more. */

export interface TrialAhead {
  /** M; 0 for trials that train no policy by RL: they are short beside those that do. */
  readonly iterations: number;
  /** Iterations done. */
  readonly step: number;
  /** Seconds from step to step; null: it has done too few. */
  readonly pace: number | null;
  readonly status: "waiting" | "running" | "over";
}

/**
 * Trials at work go on side by side, those that wait take the first place that comes free. A trial
 * without a pace of its own gets the mean of the others'.
 *
 * @param parallel places, ≥ 1
 * @returns seconds; null: nothing is known of any pace
 */
export function remainingSeconds(trials: readonly TrialAhead[], parallel: number): number | null {
  const paces = trials.flatMap(({ pace }) => pace ?? []);
  const usual = paces.reduce((sum, pace) => sum + pace, 0) / paces.length;
  const ahead = trials.filter(({ status }) => status !== "over");
  const left = ({ iterations, step, pace }: TrialAhead): number =>
    iterations === 0 ? 0 : (iterations - step) * (pace ?? usual);
  const places = ahead.filter(({ status }) => status === "running").map(left);
  while (places.length < parallel) {
    places.push(0);
  }
  for (const trial of ahead.filter(({ status }) => status === "waiting")) {
    const soonest = places.indexOf(Math.min(...places));
    places[soonest]! += left(trial);
  }
  const longest = Math.max(...places);
  return Number.isFinite(longest) ? longest : null;
}
