/** Final policies as tests need them. */
import type { FinalPolicy, PolicySource } from "../../../src/analysis/equal-kl/policy-table.js";

export function policy(
  changes: Partial<FinalPolicy> & { kl?: number; tail?: number },
): FinalPolicy {
  const { kl = 1, tail = 0, ...rest } = changes;
  const own = { run: "r", trial: "a-s0", curve: "a", role: "averse" as const, seed: 0, beta: 0.1 };
  return {
    ...own,
    settings: "s",
    metrics: { kl_mean: kl, tail_reward: tail },
    by_prompt_score: { prompt_score: [0], reward: [tail], kl: [kl], judge: null },
    ...rest,
  };
}

/** One seed's curve: KL and tail reward of each β. */
export function curve(
  name: string,
  seed: number,
  points: readonly (readonly [kl: number, tail: number])[],
  role: FinalPolicy["role"] = "averse",
): FinalPolicy[] {
  return points.map(([kl, tail], at) =>
    policy({ curve: name, trial: `${name}-s${seed}`, role, seed, beta: 1 / (at + 1), kl, tail }),
  );
}

export function source(run: string, changes: Partial<PolicySource> = {}): PolicySource {
  return {
    ...{ run, experiment: "e", started: "2026-11-30T00:00:00.000Z", averse: "0", torch: null },
    ...{ processor: "p", configuration: "c", journal: "j", scale: { "evaluation.prompts": 10 } },
    ...changes,
  };
}
