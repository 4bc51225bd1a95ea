/** A batch to select from, from its returns and what else matters. */
import type { RiskConfig } from "../../../src/config/schema/experiment.js";
import type { Batch, RiskPosition } from "../../../src/engine/actions/select-episodes.js";
import { plannedAlpha } from "../../../src/risk/annealing/schedule.js";
import { usesAlpha } from "../../../src/risk/measures/registry.js";

/** No KL, a second reward component that adds nothing, one completion per prompt, and every statistic the return. */
export function batchOf(
  values: readonly number[] | Float32Array,
  changes: Partial<Batch> = {},
): Batch {
  const returns = Float32Array.from(values);
  const trained = changes.trained ?? returns;
  return {
    returns,
    lambdaReturns: returns,
    rewards: returns,
    trained,
    trainedByComponent: { reward: trained, other: new Float32Array(returns.length) },
    promptScores: returns,
    completions: 1,
    ...changes,
  };
}

/** Where a trial stands at step m of M, as the engine has it. */
export function positionAt(
  risk: RiskConfig,
  step: number,
  iterations: number,
  seed = 0,
): RiskPosition {
  const alpha = usesAlpha(risk.measure) ? plannedAlpha(risk, step, iterations) : 1;
  return { step, seed, alpha, beta: 0.2, memory: null };
}
