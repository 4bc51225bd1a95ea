/** How many episodes each iteration of a run will keep: the engine's own schedule, looked ahead. */
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { annealingEnd, keptEpisodes, type RiskSchedule } from "../../risk/annealing/schedule.js";
import { usesAlpha } from "../../risk/measures/registry.js";

export interface KeptPoint {
  readonly iteration: number;
  readonly kept: number;
}

/** Arms that keep the same episodes count as one. */
export interface ScheduleCurve {
  readonly arms: readonly string[];
  /** B. */
  readonly batch: number;
  /** M. */
  readonly iterations: number;
  /** Ascending; the first and last iteration and every corner are among them. */
  readonly points: readonly KeptPoint[];
  /** `all 64` · `64 until 5, then down to 26 of 64 from 57 on` */
  readonly words: string;
}

/** More points than any terminal has columns for; M may be millions. */
const mostPoints = 400;

/** Of the arms that are trained by RL; empty: none is. */
export function scheduleCurves({ arms }: Pick<Experiment, "arms">): ScheduleCurve[] {
  const curves = new Map<string, ScheduleCurve>();
  for (const [name, arm] of Object.entries(arms)) {
    if (arm.stage !== "rl") {
      continue;
    }
    const { iterations, batch } = arm.training;
    const { alpha, schedule, warmup, rho } = arm.risk;
    const key = usesAlpha(arm.risk.measure)
      ? [iterations, batch, alpha, schedule, warmup, rho].join(" ")
      : [iterations, batch].join(" ");
    const known = curves.get(key);
    curves.set(
      key,
      known === undefined ? curveOf(name, arm) : { ...known, arms: [...known.arms, name] },
    );
  }
  return [...curves.values()];
}

function curveOf(name: string, { risk, training }: ArmConfig): ScheduleCurve {
  const { iterations, batch } = training;
  const schedule: RiskSchedule = { ...risk, kind: risk.schedule };
  const keptAt = (iteration: number): number =>
    usesAlpha(risk.measure) ? keptEpisodes(schedule, iteration - 1, iterations, batch) : batch;
  const corners = [0, risk.warmup, annealingEnd(risk, iterations)].map((step) => step + 1);
  const spread = Array.from({ length: mostPoints }, (_, at) =>
    Math.round(1 + (at * (iterations - 1)) / (mostPoints - 1)),
  );
  const inside = [...new Set([...corners, ...spread])]
    .filter((iteration) => iteration <= iterations)
    .sort((a, b) => a - b);
  const points = inside.map((iteration) => ({ iteration, kept: keptAt(iteration) }));
  return { arms: [name], batch, iterations, points, words: wordsOf(keptAt, iterations, batch) };
}

function wordsOf(keptAt: (iteration: number) => number, iterations: number, batch: number): string {
  const first = keptAt(1);
  const least = keptAt(iterations);
  if (least === first) {
    return first === batch ? `all ${batch}` : `${first} of ${batch} from the start`;
  }
  const fewerFrom = firstAtMost(keptAt, first - 1, iterations);
  const leastFrom = firstAtMost(keptAt, least, iterations);
  return `${first} before iteration ${fewerFrom}, then fewer, ${least} of ${batch} from ${leastFrom} on`;
}

/** The schedule never rises, so halving finds the place among millions of iterations. */
function firstAtMost(
  keptAt: (iteration: number) => number,
  most: number,
  iterations: number,
): number {
  let [low, high] = [1, iterations];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    [low, high] = keptAt(middle) <= most ? [low, middle] : [middle + 1, high];
  }
  return low;
}
