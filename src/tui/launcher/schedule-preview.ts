/** How many episodes are the tail in each iteration of a run, and which are kept: the engine's own schedule, looked ahead. */
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { cornersOf, type Forecast, forecast } from "../../risk/annealing/forecast.js";
import { plannedAlpha } from "../../risk/annealing/schedule.js";
import { riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import { tailEpisodes } from "../../risk/populations.js";
import { populationInForce, riskTerms } from "../../risk/terms.js";

export interface TailPoint {
  readonly iteration: number;
  /** Episodes. */
  readonly tail: number;
}

/** Arms with the same tail, and the same use of it, count as one. */
export interface ScheduleCurve {
  readonly arms: readonly string[];
  /** B. */
  readonly batch: number;
  /** M. */
  readonly iterations: number;
  /** Ascending; the first and last iteration and every corner are among them. */
  readonly points: readonly TailPoint[];
  /** Episodes outside the tail are trained on, too. */
  readonly trainsAll: boolean;
  /** `all 64` · `64 before iteration 6, then fewer, 26 of 64 from 57 on` */
  readonly words: string;
  /** α is never reached in so few iterations: what is instead, and what to change; null: it is. */
  readonly warning: string | null;
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
    const { alpha, annealing, warmup, rho, annealing_steps, adaptive, ...others } = riskTerms(
      arm.risk,
    );
    const population = alpha === null ? null : others.population;
    const terms = [
      population,
      trainsAll(arm),
      alpha,
      annealing,
      warmup,
      rho,
      annealing_steps,
      adaptive,
    ];
    const key = JSON.stringify([iterations, batch, terms]);
    const known = curves.get(key);
    curves.set(
      key,
      known === undefined ? curveOf(name, arm) : { ...known, arms: [...known.arms, name] },
    );
  }
  return [...curves.values()];
}

function trainsAll({ risk }: ArmConfig): boolean {
  return riskMeasures[risk.measure].trainsOn(risk, populationInForce(risk)).episodes === "all";
}

function curveOf(name: string, arm: ArmConfig): ScheduleCurve {
  const { risk, training } = arm;
  const { iterations, batch } = training;
  const scheduled = usesAlpha(risk.measure);
  const tailOf = (alpha: number) => tailEpisodes(alpha, populationInForce(risk), training);
  const tailAt = (iteration: number): number =>
    scheduled ? tailOf(plannedAlpha(risk, iteration - 1, iterations)) : batch;
  const corners = scheduled ? cornersOf(risk, iterations).map((step) => step + 1) : [];
  const spread = Array.from({ length: mostPoints }, (_, at) =>
    Math.round(1 + (at * (iterations - 1)) / (mostPoints - 1)),
  );
  const inside = [...new Set([...corners, ...spread])]
    .filter((iteration) => iteration <= iterations)
    .sort((a, b) => a - b);
  const points = inside.map((iteration) => ({ iteration, tail: tailAt(iteration) }));
  const outside = scheduled && trainsAll(arm);
  const ahead = scheduled ? forecast(risk, iterations, tailOf) : null;
  const words = ahead === null ? `all ${batch}` : wordsOf(ahead, risk, batch);
  return {
    arms: [name],
    batch,
    iterations,
    points,
    trainsAll: outside,
    words: outside ? `${words}; all ${batch} train` : words,
    warning: ahead === null ? null : warningOf(ahead, risk, batch),
  };
}

function wordsOf(ahead: Forecast, { alpha, adaptive }: ArmConfig["risk"], batch: number): string {
  const { isBound, first, last, fewerFrom, lastFrom, tail } = ahead;
  const never = last > tail ? `; α ${alpha} (${tail}) is never reached` : "";
  if (fewerFrom === null) {
    return (first === batch ? `all ${batch}` : `${first} of ${batch} from the start`) + never;
  }
  const soonest = isBound ? ` at the soonest: ${boundWords(adaptive)}` : "";
  const before = `${first} before iteration ${fewerFrom + 1}`;
  return `${before}, then fewer, ${last} of ${batch} from ${lastFrom + 1} on${soonest}${never}`;
}

function warningOf(
  { last, tail }: Forecast,
  { alpha, annealing }: ArmConfig["risk"],
  batch: number,
): string | null {
  const changes: Readonly<Partial<Record<typeof annealing, string>>> = {
    adaptive: "raise risk.adaptive.rate or M",
    steps: "add a step to risk.annealing_steps",
  };
  const change = changes[annealing] ?? "raise M, or lower n or ρ";
  return last > tail
    ? `α ${alpha} is never reached: the tail ends at ${last} of ${batch} episodes, not ${tail}; ${change}`
    : null;
}

/** What holds a closed loop. */
function boundWords({ episodes, kl, decline }: ArmConfig["risk"]["adaptive"]): string {
  return [
    `held at fewer than ${episodes} effective episodes`,
    ...(kl === null ? [] : [`a KL over ${kl} times its target`]),
    ...(decline === null ? [] : ["a falling CVaR"]),
  ].join(", ");
}
