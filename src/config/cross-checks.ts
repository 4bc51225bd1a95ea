/** What no single key can get wrong alone: the keys of an experiment that must fit together. */
import { tailCount } from "../domain/cvar.js";
import { usesAlpha } from "../domain/risk-measures/singled-out.js";
import { annealingEnd } from "../domain/risk-schedule.js";
import type { ArmConfig } from "./schema.js";

/** A fault between keys; `keys` in the order in which a reader should look at them. */
export interface Misfit {
  readonly keys: readonly string[];
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

export function armMisfits(name: string, arm: ArmConfig): Misfit[] {
  if (arm.stage !== "rl") return lengthMisfits(arm);
  return [
    ...lengthMisfits(arm),
    ...(usesAlpha(arm.risk.measure) ? tailMisfits(arm) : []),
    ...strataMisfits(arm),
    ...neutralMisfits(name, arm),
  ];
}

function lengthMisfits({ rollout }: ArmConfig): Misfit[] {
  if (rollout.min_new_tokens <= rollout.new_tokens) return [];
  return [
    {
      keys: ["rollout.min_new_tokens", "rollout.new_tokens"],
      found: `min_new_tokens ${rollout.min_new_tokens} over new_tokens ${rollout.new_tokens}`,
      expected: "min_new_tokens of at most new_tokens",
      remedy: `Lower rollout.min_new_tokens to ${rollout.new_tokens} or raise rollout.new_tokens.`,
    },
  ];
}

function tailMisfits({ risk, training }: ArmConfig): Misfit[] {
  const misfits: Misfit[] = [];
  const { iterations, batch } = training;
  const kept = tailCount(batch, risk.alpha);
  if (kept < 2) {
    const enough = Math.floor(1 / risk.alpha) + 1;
    misfits.push({
      keys: ["training.batch", "risk.alpha"],
      found: `a batch too small for α: ⌈α·B⌉ = ⌈${risk.alpha} · ${batch}⌉ = ${kept} episode`,
      expected: "at least 2 kept episodes",
      remedy: `Raise training.batch to at least ${enough} or raise risk.alpha.`,
    });
  }
  const end = annealingEnd(risk, iterations);
  if (risk.schedule === "soft" && risk.warmup >= end) {
    misfits.push({
      keys: ["risk.warmup", "risk.rho", "training.iterations"],
      found: `warmup ${risk.warmup} with ${iterations} iterations and rho ${risk.rho}`,
      expected: `warmup under ⌈ρM⌉ = ${end}, the iteration at which α is reached`,
      remedy:
        end > 1
          ? `Set risk.warmup to at most ${end - 1} (${Math.floor(end / 6)} keeps the paper's proportion) or raise training.iterations.`
          : "Raise training.iterations, or set risk.schedule to constant.",
    });
  }
  return misfits;
}

function strataMisfits({ sampling, training }: ArmConfig): Misfit[] {
  if (sampling.strategy !== "stratified") return [];
  const hard = Math.round(sampling.hard_share * training.batch);
  if (hard >= 1) return [];
  return [
    {
      keys: ["sampling.hard_share", "training.batch"],
      found: `a hard_share of ${sampling.hard_share}, which is ${hard} of ${training.batch} episodes`,
      expected: "at least 1 hard episode a batch under the strategy stratified",
      remedy: "Raise sampling.hard_share, or set sampling.strategy to uniform.",
    },
  ];
}

/** An arm called risk-averse that is risk-neutral would make every comparison with it a lie. */
function neutralMisfits(name: string, { risk }: ArmConfig): Misfit[] {
  if (name !== "ra-rlhf" || risk.measure !== "mean") return [];
  return [
    {
      keys: ["risk.measure"],
      found: "the arm ra-rlhf with the risk-neutral measure mean",
      expected: "a risk-averse measure",
      remedy: "Set risk.measure to cvar; the risk-neutral arm is called rlhf.",
    },
  ];
}

export function seedMisfits(seeds: readonly number[]): Misfit[] {
  const repeated = [...new Set(seeds.filter((seed, index) => seeds.indexOf(seed) !== index))];
  if (repeated.length === 0) return [];
  return [
    {
      keys: ["seeds"],
      found: `the seed ${repeated.join(", ")} more than once`,
      expected: "different seeds",
      remedy: "Name each seed once: the same seed gives the same trial.",
    },
  ];
}
