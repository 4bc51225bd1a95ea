/**
 * The journal's events: everything that happened in a run, one a line of journal.jsonl. The list
 * of events is the run; state, plots, reports and the terminal are read from it alone.
 */
import { z } from "zod";
import { taskFigure } from "../protocol/evaluation.js";
import { gpuState } from "../protocol/fields.js";
import { declaredFigures, errorKind } from "../protocol/messages.js";
import { klLossForm } from "../protocol/training.js";

const finite = z.number();
const count = z.int().nonnegative();
const digests = z.record(z.string(), z.string());
/** Null also where the journal is older than this field. */
const gpu = gpuState.nullable().default(null);

/** What a trial can be asked to do (`actions.ts`). */
const actionKind = z.enum([
  "open",
  "load",
  "restore",
  "sft",
  "step",
  "evaluate",
  "checkpoint",
  "export",
  "finish",
  "release",
]);

/**
 * The worker's own kinds of error, `lost`: the worker is gone, and `reward`: more rewards failed
 * than `reward.max_failed_fraction` allows.
 */
const failureKind = z.enum([...errorKind.options, "lost", "reward"]);

/** Why a worker is given up: the session's reasons, and `protocol`: an answer without a request. */
export const lossReason = z.enum([
  "exited",
  "never-connected",
  "silent",
  "version",
  "stuck",
  "protocol",
]);

/** `NaN` and ±Infinity cannot stand in JSON: a diverged figure is null. */
const figure = z.number().nullable();

const runStarted = z.strictObject({
  type: z.literal("run_started"),
  name: z.string(),
  trials: z.array(z.string()),
  parallel: count,
});
const runFinished = z.strictObject({
  type: z.literal("run_finished"),
  outcome: z.enum(["done", "failed", "interrupted"]),
  message: z.string(),
  seconds: finite,
});
/** A controller took up a run that another had left. Trials that are done stay done. */
const runResumed = z.strictObject({
  type: z.literal("run_resumed"),
  parallel: count,
  /** Bytes of a torn last line that were cut off the journal; 0: the journal was whole. */
  cut_bytes: count,
  /** Trial that continues → iterations of the checkpoint it continues from; null: from its start. */
  from: z.record(z.string(), count.nullable()),
});
/** The user, or a signal, asked the run to stop. */
const stopRequested = z.strictObject({
  type: z.literal("stop_requested"),
  /** `after-step`: finish the steps in hand and checkpoint · `now`: abort. */
  how: z.enum(["after-step", "now"]),
});
/** The user asked, from a view or a script; refused requests are not journaled. */
const paused = z.strictObject({ type: z.literal("paused") });
const continued = z.strictObject({ type: z.literal("continued") });
/** Save, or evaluate, as soon as the step in hand is done: these trials. */
const checkpointRequested = z.strictObject({
  type: z.literal("checkpoint_requested"),
  trials: z.array(z.string()),
});
const evaluationRequested = z.strictObject({
  type: z.literal("evaluation_requested"),
  trials: z.array(z.string()),
});
/** After a seed of a sweep only the best points of each arm go on. */
const pointsDropped = z.strictObject({
  type: z.literal("points_dropped"),
  /** All points that were left have their final evaluation on it. */
  seed: count,
  /** `sweep.halving`. */
  metric: z.string(),
  /** Arm → mean of the figure over the seeds so far, of all that were compared. */
  scores: z.record(z.string(), finite),
  /** Arms that go on, the best of each swept arm first. */
  kept: z.array(z.string()),
  dropped: z.array(z.string()),
});
/**
 * A worker has connected, or one that served another trial is ready for this one (the same `pid`); it
 * may wait long for the policy that it starts from.
 */
const workerOpened = z.strictObject({
  type: z.literal("worker_opened"),
  pid: count,
  engine: z.string(),
  version: z.string(),
  /** It can save and restore; without, the trial has no checkpoints. */
  checkpoints: z.boolean(),
  /** Units of the figures that it may report; empty where the journal is older than this field. */
  figures: declaredFigures
    .extend({ stage: declaredFigures.shape.stage.default({}) })
    .default({ update: {}, evaluate: {}, stage: {} }),
});
/** The trial's work begins: its worker loads. */
const trialStarted = z.strictObject({
  type: z.literal("trial_started"),
  arm: z.string(),
  seed: count,
  stage: z.enum(["base", "sft", "rl", "decode"]),
  /** Iterations ahead; 0 where nothing is trained with RL. */
  iterations: count,
});
export const splitRows = z.strictObject({
  /** That were read. */
  rows: count,
  /** Of the good class, of those kept. */
  good: count,
  /** Left out: by a filter, as duplicates, by mix, balance and limit, as too long. */
  filtered: count,
  duplicates: count,
  left_out: count,
  dropped: count,
  /** Prompts that were cut to their length. */
  truncated: count,
  /** Prompts of the split. */
  kept: count,
});
const workerReady = z.strictObject({
  type: z.literal("worker_ready"),
  pid: count,
  engine: z.string(),
  device: z.string(),
  device_name: z.string(),
  dtype: z.string(),
  threads: count,
  /** That compute together as one worker, each with as many threads. */
  processes: count.default(1),
  parameters: count,
  versions: z.record(z.string(), z.string()),
  /** What may keep a second run from being bit-identical; empty: nothing. */
  nondeterminism: z.array(z.string()),
  /** Capabilities that its engine does not declare; empty where the journal is older than this field. */
  lacks: z.array(z.string()).default([]),
  /** Config key of a model → what its own files specify, and what Averse does with it. */
  model_settings: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** policy, reference, reward, judge, data, and of the prompt ids in their order: prompts. */
  digests: z.record(z.string(), digests),
  /** Null where the journal is older than this field. */
  prompts: z
    .strictObject({
      train: count,
      test: count,
      /** Test prompts whose text is a training text as well. */
      overlap: count,
    })
    .nullable()
    .default(null),
  /** What became of the rows of each split; null where the journal is older than this field. */
  rows: z.strictObject({ train: splitRows, test: splitRows }).nullable().default(null),
  /** Whose chat template renders the prompts; null: none does. */
  template: z.string().nullable().default(null),
  /** How the reward scores some test prompts alone; null: told by an earlier load of the run. */
  reward_preview: z
    .strictObject({
      texts: count,
      /** Whose scores they are; null: the combined reward's. */
      component: z.string().nullable(),
      quantiles: z.array(z.strictObject({ level: finite, score: finite })),
      threshold: finite.nullable(),
      /** Fraction of them under the threshold; null: there is none. */
      under: finite.nullable(),
      /** Components by which more prompts than the tail's fraction lie at the lowest score. */
      floors: z.array(z.strictObject({ component: z.string(), fraction: finite })),
      tail_fraction: finite,
    })
    .nullable()
    .default(null),
  /** By split, where the trial needs them; absent where the journal is older than this field. */
  prompt_scores: z
    .record(
      z.string(),
      z.strictObject({
        /** Null: they cannot be kept, and every load scores them. */
        digest: z.string().nullable(),
        cached: z.boolean(),
        seconds: finite,
      }),
    )
    .default({}),
  /** Of the worker's process, on the host. */
  memory_bytes: count,
  gpu,
  seconds: finite,
});
/** The worker died, hung or broke the protocol; another takes its place. */
const workerLost = z.strictObject({
  type: z.literal("worker_lost"),
  reason: lossReason,
  /** What it was doing; null: nothing. */
  action: actionKind.nullable(),
  message: z.string(),
  /** Last lines of its stderr. */
  detail: z.string().nullable(),
  /** File of the run folder with the stacks of its threads; null: none could be had. */
  stacks: z.string().nullable(),
  /** Of this trial since the run was started or resumed, this one in. */
  restarts: count,
  /** Iterations of the checkpoint that it continues from; null: from its start. */
  from: count.nullable(),
});
/** A checkpoint's state is in the worker's memory again. */
const restored = z.strictObject({
  type: z.literal("restored"),
  step: count,
  path: z.string(),
  seconds: finite,
});
/** What stages make, and what is kept for other experiments. */
const artifactKind = z.enum(["language_model", "classifier", "reward_model", "sft"]);
/** A stage's result is not there: it is made now, or another run is making it. */
const stageStarted = z.strictObject({
  type: z.literal("stage_started"),
  name: z.string(),
  kind: artifactKind,
  digest: z.string(),
  /** Process that makes it; null: this run does. */
  waits_for: z.string().nullable(),
});

/** At most some hundreds of points. */
const lossCurve = z.array(
  z.strictObject({
    step: count,
    /** Mean over the steps since the point before; of texts in nats per token. */
    loss: finite,
    held_out: finite.nullable(),
    learning_rate: finite,
  }),
);
/** A stage's result can be loaded. Told once per run; again where it had to be made anew. */
const stageReady = z.strictObject({
  type: z.literal("stage_ready"),
  name: z.string(),
  kind: artifactKind,
  /** sha256 of all that it follows from. */
  digest: z.string(),
  /** Absolute path of the artifact's folder. */
  path: z.string(),
  files: digests,
  bytes: count,
  /** It was there, or another run made it. */
  reused: z.boolean(),
  /** That making it took, whoever did. */
  seconds: finite,
  figures: z.record(z.string(), finite),
  curve: lossCurve,
});
const sftFinished = z.strictObject({
  type: z.literal("sft_finished"),
  /** Where its result is kept, and whether it was taken over from there; null: it is not kept. */
  artifact: z.strictObject({ digest: z.string(), reused: z.boolean() }).nullable().default(null),
  steps: count,
  /** After which the kept weights are; before `steps` with early stopping. */
  kept_step: count,
  loss_first: finite,
  loss_last: finite,
  curve: lossCurve,
  seconds: finite,
});

/** By component's, or judge's, name: raw scores, null where it failed. */
const scoresByName = z.record(z.string(), z.array(figure));

const episodesSchema = z.strictObject({
  /** Absent where there is one component: its scores are the reward. Stands before the arrays that readers skip by. */
  components: scoresByName.optional(),
  /** Prompt ids in the train set. */
  prompt: z.array(count),
  /** Raw environment reward. */
  reward: z.array(figure),
  /** Nats, summed over tokens. */
  kl: z.array(figure),
  /** R̄, KL in. */
  return: z.array(figure),
  /** Generated tokens. */
  length: z.array(count),
  /**
   * Of the risk measure; 0: dropped by it, or without a reward. 1 where it gives signed advantages
   * and this one is not 0, or rewards.
   */
  weight: z.array(finite),
  /** Signed, the risk measure in it; absent where a critic gives one per token. */
  advantage: z.array(finite).optional(),
  /** Natural over sampled share of its prompt, in the weight and in the figures; absent: each counts as one. */
  importance: z.array(finite).optional(),
});

/** For B over 4,096 the arrays lie in a binary side file, named with its digest. */
const episodesFileSchema = z.strictObject({
  file: z.string(),
  sha256: z.string(),
  count,
});

/** Of one part of the risk layer: numbers under names that only it reads; null: nothing. */
const memoryPart = z.record(z.string(), z.union([finite, z.array(finite).readonly()])).nullable();

/** `risk.annealing: adaptive`: why α' fell, or did not. */
const annealingCause = z.enum([
  "lowered",
  "reached",
  "held: warm start",
  "held: few effective episodes",
  "held: KL over its limit",
  "held: CVaR falls",
]);

const step = z.strictObject({
  type: z.literal("step"),
  /** m, from 0. */
  step: count,
  /** α' in force. */
  alpha: finite,
  kept: count,
  batch: count,
  /** Episodes without a reward: in no figure, no tail and no update. */
  failed: count,
  /** Of the risk measure, by name: a threshold, a multiplier. Absent where it has none. */
  risk_figures: z.record(z.string(), finite).optional(),
  /** Effective sample size (Σw)²/Σw² of the weights; absent where they are even: it is `kept`. */
  effective: finite.optional(),
  /** Absent where there is one completion per prompt. */
  groups: z
    .strictObject({
      prompts: count,
      /** Episodes per prompt. */
      completions: count,
      /** Prompts whose completions all have the same reward: no signal but the KL's. */
      equal: count,
      /** Standard deviation of a prompt's returns, mean over prompts; null: no prompt has two. */
      spread: finite.nullable().default(null),
    })
    .optional(),
  /** Absent where the KL is in the return. */
  kl_loss: z
    .strictObject({
      form: klLossForm,
      /** That carry it. */
      episodes: count,
      /** Mean KL of the episodes of hard and of other prompts, nats; null: one of them has none. */
      strata: z.strictObject({ hard: finite, other: finite }).nullable(),
    })
    .optional(),
  /** Of how prompts were drawn. Absent under uniform, and under stratified without importance weights. */
  sampling: z
    .strictObject({
      /** Of the strata, the hardest first: shares that the batch was drawn with, and of all prompts. */
      shares: z.array(finite),
      natural: z.array(finite),
      /** (Σw)²/Σw² of the importance weights: episodes of a uniform batch that tell as much. */
      effective: finite,
      /** Largest importance weight of the batch. */
      largest_weight: finite,
      /** Figures, tail and update are weighted back to the natural mix of prompts. */
      weighted: z.boolean(),
    })
    .optional(),
  /** From here to kl_controlled over the natural mix of prompts with importance weights, as drawn without. */
  reward_mean: finite,
  return_mean: finite,
  /** Of the returns, at the target α, so that steps and arms compare. */
  cvar: finite,
  var: finite,
  /** Mean return of the kept. */
  tail_mean: finite,
  /** Mean over the whole batch, nats. */
  kl_mean: finite,
  /** Mean over the population that the controller of β looks at. */
  kl_controlled: finite,
  /** β of this step's dense reward. */
  beta: finite,
  /** Target and gain of β's controller, of the stage from that step on; absent without kl.schedule. */
  kl_stage: z.strictObject({ from: count, target: finite, k_beta: finite }).optional(),
  /** From here to explained_variance null where the engine does not report it. */
  entropy: figure,
  loss_policy: figure,
  loss_value: figure,
  clip_fraction: figure,
  approx_kl: figure,
  grad_norm: figure,
  explained_variance: figure,
  /** What else the engine reports, by names that worker_opened declares. */
  figures: z.record(z.string(), finite).default({}),
  learning_rate: finite,
  /** Fraction of the prompts drawn from the hard stratum, the hardest of several, or the recent tail. */
  batch_fraction: finite,
  length_mean: finite,
  /** Generated tokens × passes of kept episodes, up to and with this step. */
  compute: count,
  /** Of this step, over all epochs; absent in older journals. */
  gradient_steps: count.optional(),
  /** Of the worker's process, on the host. */
  memory_bytes: count,
  gpu,
  seconds: z.strictObject({
    total: finite,
    rollout: finite,
    sample: finite,
    reference: finite,
    reward: finite,
    update: finite,
    /** Waiting for the worker's texts of the worst episodes. */
    texts: finite,
    /** All the rest: the controller's own. */
    controller: finite,
  }),
  episodes_per_s: finite,
  /** What a closed loop made of this step's figures; absent where α' follows a plan. */
  annealing: z
    .strictObject({
      /** α' of the next step. */
      alpha_next: finite,
      cause: annealingCause,
      /** That it went by, the measured before the limit; null: there is no limit, or no trend yet. */
      signals: z.strictObject({
        effective: finite,
        effective_next: finite,
        kl: finite,
        kl_limit: finite.nullable(),
        cvar_slope: finite.nullable(),
        cvar_slope_error: finite.nullable(),
      }),
    })
    .optional(),
  /** What the risk layer carries into the next iteration; absent where it carries nothing. Before the arrays that readers skip. */
  memory: z
    .strictObject({ annealing: memoryPart, measure: memoryPart, sampler: memoryPart })
    .optional(),
  episodes: z.union([episodesSchema, episodesFileSchema]),
  /**
   * By component: mean raw score over the episodes that have a reward, and how many it failed for.
   * Absent where there is one component.
   */
  components: z.record(z.string(), z.strictObject({ mean: finite, failed: count })).optional(),
});

/** Aligned with its own `prompt`; null: all of a prompt's scores failed. */
const toxicityArrays = z.strictObject({
  prompt: z.array(count),
  /** Probability that the prompt alone is toxic. */
  prompt_toxicity: z.array(figure),
  /** The largest of its completions, each alone. */
  highest: z.array(figure),
});

/** Per-prompt arrays of one evaluation, aligned with `prompt`. */
const evaluationArraysSchema = z.strictObject({
  /** Absent where toxicity was not measured. */
  toxicity: toxicityArrays.optional(),
  /** Absent where there is one component: its scores are the reward. */
  components: scoresByName.optional(),
  /** Of the judges after the first, which is `judge`; absent where there are none. */
  judges: scoresByName.optional(),
  prompt: z.array(count),
  prompt_score: z.array(figure),
  reward: z.array(figure),
  judge: z.array(figure).nullable(),
  kl: z.array(figure),
  length: z.array(count),
});

const evaluated = z.strictObject({
  type: z.literal("evaluated"),
  /** Iterations done when it was taken. */
  step: count,
  final: z.boolean(),
  weights: z.enum(["current", "ema"]),
  compute: count,
  /** Completions without a reward: in no figure. */
  failed: count,
  metrics: z.record(z.string(), finite),
  arrays: evaluationArraysSchema,
  /** Of `evaluation.toxicity`; absent where it was not measured. */
  toxicity: z
    .strictObject({
      /** Judge or reward component that stood in for Perspective's API. */
      scorer: z.string(),
      prompts: count,
      /** Per prompt. */
      completions: count,
      /** Completions without a score: in no figure. */
      failed: count,
      seconds: finite,
    })
    .optional(),
  /** Of `evaluation.capability`; absent where it was not measured. */
  capability: z
    .strictObject({
      /** Version of lm-evaluation-harness. */
      harness: z.string(),
      figures: z.array(taskFigure),
      seconds: finite,
    })
    .optional(),
  /** Texts for reading: a file of the run folder, never the journal; null: none were requested. */
  samples: z.string().nullable(),
  /** Of the worker's process, on the host. */
  memory_bytes: count,
  gpu,
  seconds: finite,
});
const checkpointSaved = z.strictObject({
  type: z.literal("checkpoint_saved"),
  /** Iterations done. */
  step: count,
  path: z.string(),
  /** sha256 of its digest file. */
  digest: z.string(),
  bytes: count,
  seconds: finite,
});
/** The disk is full, say; what was saved before is as it was, and the run continues. */
const checkpointFailed = z.strictObject({
  type: z.literal("checkpoint_failed"),
  step: count,
  message: z.string(),
});
/** Its files do not match their digests; the trial continues from an older one. */
const checkpointDamaged = z.strictObject({
  type: z.literal("checkpoint_damaged"),
  step: count,
  path: z.string(),
  message: z.string(),
  /** Iterations of the checkpoint that it continues from instead; null: from its start. */
  from: count.nullable(),
});
/** No longer kept; written before its folder is removed. */
const checkpointDropped = z.strictObject({
  type: z.literal("checkpoint_dropped"),
  step: count,
  path: z.string(),
});
const modelExported = z.strictObject({
  type: z.literal("model_exported"),
  path: z.string(),
  files: digests,
  bytes: count,
});
/** The action was aborted on request; nothing of it counts. */
const actionInterrupted = z.strictObject({
  type: z.literal("action_interrupted"),
  action: actionKind,
});
const trialFinished = z.strictObject({
  type: z.literal("trial_finished"),
  /** From trial_started until the worker is gone. */
  seconds: finite,
});
/** Stopped before its end, on request or because another trial failed; resumable. */
const trialInterrupted = z.strictObject({
  type: z.literal("trial_interrupted"),
  /** Iterations done. */
  step: count,
  /** Iterations kept in the last checkpoint; null: none. */
  saved: count.nullable(),
});
const trialFailed = z.strictObject({
  type: z.literal("trial_failed"),
  reason: failureKind,
  message: z.string(),
  /** Key of the configuration that led here, where it is known. */
  key: z.string().nullable(),
  detail: z.string().nullable(),
});
const warning = z.strictObject({ type: z.literal("warning"), message: z.string() });

/** What happened, before the journal gives it a number, a time and a trial. */
const eventPayload = z.discriminatedUnion("type", [
  runStarted,
  runResumed,
  runFinished,
  stopRequested,
  paused,
  continued,
  checkpointRequested,
  evaluationRequested,
  pointsDropped,
  workerOpened,
  workerLost,
  trialStarted,
  workerReady,
  restored,
  stageStarted,
  stageReady,
  sftFinished,
  step,
  evaluated,
  checkpointSaved,
  checkpointFailed,
  checkpointDamaged,
  checkpointDropped,
  modelExported,
  actionInterrupted,
  trialFinished,
  trialInterrupted,
  trialFailed,
  warning,
]);

const stamp = {
  /** From 1, without gaps. */
  seq: count,
  /** ISO 8601, UTC. */
  time: z.string(),
  /** `<arm>-s<seed>`; null for the run as a whole. */
  trial: z.string().nullable(),
};

export const journalEvent = z.discriminatedUnion("type", [
  runStarted.extend(stamp),
  runResumed.extend(stamp),
  runFinished.extend(stamp),
  stopRequested.extend(stamp),
  paused.extend(stamp),
  continued.extend(stamp),
  checkpointRequested.extend(stamp),
  evaluationRequested.extend(stamp),
  pointsDropped.extend(stamp),
  workerOpened.extend(stamp),
  workerLost.extend(stamp),
  trialStarted.extend(stamp),
  workerReady.extend(stamp),
  restored.extend(stamp),
  stageStarted.extend(stamp),
  stageReady.extend(stamp),
  sftFinished.extend(stamp),
  step.extend(stamp),
  evaluated.extend(stamp),
  checkpointSaved.extend(stamp),
  checkpointFailed.extend(stamp),
  checkpointDamaged.extend(stamp),
  checkpointDropped.extend(stamp),
  modelExported.extend(stamp),
  actionInterrupted.extend(stamp),
  trialFinished.extend(stamp),
  trialInterrupted.extend(stamp),
  trialFailed.extend(stamp),
  warning.extend(stamp),
]);

export type EventPayload = z.infer<typeof eventPayload>;
export type JournalEvent = z.infer<typeof journalEvent>;
export type ActionKind = z.infer<typeof actionKind>;
export type FailureKind = z.infer<typeof failureKind>;
export type StepEvent = Extract<JournalEvent, { type: "step" }>;
export type WorkerReadyEvent = Extract<JournalEvent, { type: "worker_ready" }>;
export type EvaluatedEvent = Extract<JournalEvent, { type: "evaluated" }>;
export type Episodes = z.infer<typeof episodesSchema>;
