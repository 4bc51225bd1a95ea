/** Small experiments for tests: the schema's defaults, shrunk. */
import type { z } from "zod";
import { resolvedEvaluation } from "../../src/config/rewards/evaluation.js";
import {
  type ArmConfig,
  type Experiment,
  type ExperimentFile,
  experimentSchema,
} from "../../src/config/schema/experiment.js";
import { rewardSchema } from "../../src/config/schema/reward.js";

type Sections = Omit<ArmConfig, "stage">;
type ArmChanges = { readonly stage?: ArmConfig["stage"] } & {
  readonly [S in Exclude<keyof Sections, "reward">]?: Partial<Sections[S]>;
} & { readonly reward?: z.input<typeof rewardSchema> };

/** What each arm changes; `stage` is read off the name where it is not given. */
export interface ExperimentChanges {
  readonly arms?: Readonly<Record<string, ArmChanges>>;
  readonly seeds?: readonly number[];
  readonly reward?: z.input<typeof rewardSchema>;
  readonly data?: Partial<ExperimentFile["data"]>;
  readonly policy?: Partial<ExperimentFile["policy"]>;
  readonly sft?: Partial<ExperimentFile["sft"]>;
  readonly stages?: z.input<typeof experimentSchema>["stages"];
  readonly training?: Partial<ExperimentFile["training"]>;
  readonly evaluation?: Partial<ExperimentFile["evaluation"]>;
  readonly checkpoint?: Partial<ExperimentFile["checkpoint"]>;
  readonly record?: Partial<ExperimentFile["record"]>;
  readonly backend?: Partial<ExperimentFile["backend"]>;
  readonly sweep?: Partial<Experiment["sweep"]>;
  readonly parallel?: number;
  readonly restarts?: number;
}

/** M = 6, B = 16; arms sft, rlhf and ra-rlhf (α = 0.5 reached at iteration 5). */
export function smallExperiment(changes: ExperimentChanges = {}): Experiment {
  const file = experimentSchema.parse({
    name: "small",
    seeds: changes.seeds ?? [0],
    reward: changes.reward ?? {},
    data: changes.data ?? {},
    policy: changes.policy ?? {},
    stages: changes.stages ?? {},
    sft: { steps: 4, ...changes.sft },
    rollout: { prompt_tokens: 8, new_tokens: 8 },
    training: { iterations: 6, batch: 16, minibatch: 8, epochs: 2, ...changes.training },
    risk: { alpha: 0.5, warmup: 2, rho: 0.8 },
    evaluation: { prompts: 60, every: 2, every_prompts: 40, samples: 2, ...changes.evaluation },
    checkpoint: { every: 4, ...changes.checkpoint },
    record: { tail_texts: 3, ...changes.record },
    backend: { device: "cpu", ...changes.backend },
    trials: { parallel: changes.parallel ?? 2, restarts: changes.restarts ?? 3 },
  });
  const { reward, rollout, training, risk, sampling, kl, decoding } = file;
  const changed: Readonly<Record<string, ArmChanges>> = changes.arms ?? standardArms;
  const arms = Object.entries(changed).map(([name, own]) => {
    const untrained = own.decoding === undefined ? "rl" : "decode";
    const stage = own.stage ?? (name === "sft" || name === "base" ? name : untrained);
    const arm: ArmConfig = {
      stage,
      reward: own.reward === undefined ? reward : rewardSchema.parse(own.reward),
      rollout: { ...rollout, ...own.rollout },
      training: { ...training, ...own.training },
      risk: { ...risk, ...own.risk },
      sampling: { ...sampling, ...own.sampling },
      kl: { ...kl, ...own.kl },
      decoding: { ...decoding, ...own.decoding },
    };
    return [name, arm] as const;
  });
  const resolved = Object.fromEntries(arms);
  const { evaluation } = resolvedEvaluation(file.evaluation, resolved);
  const sweep = { ...file.sweep, ...changes.sweep, points: changes.sweep?.points ?? [] };
  return { ...file, evaluation, arms: resolved, sweep };
}

export const standardArms = {
  sft: {},
  rlhf: { risk: { measure: "mean" } },
  "ra-rlhf": {},
} as const satisfies Record<string, ArmChanges>;
