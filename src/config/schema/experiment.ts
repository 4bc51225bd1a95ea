/**
 * The experiment's configuration: one strict zod schema with units, ranges and defaults, a file
 * per section. Everything a user can set is here; the reference in docs/configuration.md, the JSON
 * The schema for editors and what a worker receives (engine/actions/load-payload.ts) are derived from
 * it. Defaults are the paper's (arXiv 2501.06911) where it has one.
 */
import { z } from "zod";
import { backendSchema } from "./backend.js";
import { checkpointSchema } from "./checkpoint.js";
import { dataSchema } from "./data.js";
import { decodingSchema } from "./decoding.js";
import { evaluationSchema, type resolvedEvaluationSchema } from "./evaluation.js";
import { name, word } from "./fields.js";
import { klSchema } from "./kl.js";
import { policySchema, type policySourceSchema } from "./policy.js";
import { recordSchema } from "./record.js";
import { rewardSchema } from "./reward.js";
import { riskSchema } from "./risk.js";
import { rolloutSchema } from "./rollout.js";
import { samplingSchema } from "./sampling.js";
import { sftSchema } from "./sft.js";
import { stagesSchema } from "./stages.js";
import { type resolvedSweepSchema, sweepSchema } from "./sweep.js";
import { trackersSchema } from "./trackers.js";
import { trainingSchema } from "./training.js";
import { trialsSchema } from "./trials.js";

/** What one arm may change of the experiment. */
export const armSections = {
  reward: rewardSchema,
  rollout: rolloutSchema,
  training: trainingSchema,
  risk: riskSchema,
  sampling: samplingSchema,
  kl: klSchema,
  decoding: decodingSchema,
} as const;

export const experimentSchema = z.strictObject({
  name: name.describe("name of the experiment; the run folder's name begins with it"),
  purpose: z.string().max(300).default("").describe("one line, shown in lists"),
  arms: z
    .union([z.array(name).min(1), z.record(name, z.record(z.string(), z.unknown()).nullable())])
    .default(["sft", "rlhf", "ra-rlhf"])
    .describe("names of known arms, or name → the keys that this arm changes"),
  seeds: z.array(word).min(1).default([0]).describe("one trial per arm and seed"),
  policy: policySchema.prefault({}),
  reward: rewardSchema.prefault({}),
  data: dataSchema.prefault({}),
  stages: stagesSchema
    .default({})
    .describe("name → a model trained before the run and kept; other keys name it stage:NAME"),
  sft: sftSchema.prefault({}),
  rollout: rolloutSchema.prefault({}),
  training: trainingSchema.prefault({}),
  risk: riskSchema.prefault({}),
  sampling: samplingSchema.prefault({}),
  kl: klSchema.prefault({}),
  decoding: decodingSchema.prefault({}),
  checkpoint: checkpointSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
  record: recordSchema.prefault({}),
  trackers: trackersSchema,
  backend: backendSchema.prefault({}),
  trials: trialsSchema.prefault({}),
  sweep: sweepSchema.prefault({}),
});

/** As written in the file after defaults; `arms` still unresolved. */
export type ExperimentFile = z.infer<typeof experimentSchema>;

/** What one arm trains with: the experiment's sections with the arm's changes applied. */
export interface ArmConfig {
  /**
   * `base`: no training · `sft`: evaluated after SFT · `rl`: SFT, then PPO · `decode`: the model after
   * SFT, evaluated with the completions that `decoding` makes.
   */
  readonly stage: "base" | "sft" | "rl" | "decode";
  /** A model of its own, where models are compared without training; else the experiment's. */
  readonly policy?: z.infer<typeof policySourceSchema> | undefined;
  readonly reward: z.infer<typeof rewardSchema>;
  readonly rollout: z.infer<typeof rolloutSchema>;
  readonly training: z.infer<typeof trainingSchema>;
  readonly risk: z.infer<typeof riskSchema>;
  readonly sampling: z.infer<typeof samplingSchema>;
  readonly kl: z.infer<typeof klSchema>;
  readonly decoding: z.infer<typeof decodingSchema>;
}

/** The resolved configuration: what a manifest holds and the engine runs. */
export type Experiment = Omit<ExperimentFile, "arms" | "evaluation" | "sweep"> & {
  readonly arms: Readonly<Record<string, ArmConfig>>;
  readonly evaluation: z.infer<typeof resolvedEvaluationSchema>;
  readonly sweep: z.infer<typeof resolvedSweepSchema>;
};

export type RiskConfig = ArmConfig["risk"];
export type DecodingConfig = ArmConfig["decoding"];
