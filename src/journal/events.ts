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

const runStarted = z
  .strictObject({
    type: z.literal("run_started"),
    name: z.string().describe("of the experiment"),
    trials: z.array(z.string()).describe("`<arm>-s<seed>`, in the order of the plan"),
    parallel: count.describe("trials side by side"),
  })
  .describe("a new run begins");
const runFinished = z
  .strictObject({
    type: z.literal("run_finished"),
    outcome: z.enum(["done", "failed", "interrupted"]).describe("what became of it"),
    message: z.string().describe("for people"),
    seconds: finite.describe("from the start of this controller"),
  })
  .describe("the run ends; an interrupted or failed one can be resumed");
const runResumed = z
  .strictObject({
    type: z.literal("run_resumed"),
    parallel: count.describe("trials side by side"),
    cut_bytes: count.describe(
      "bytes of a torn last line that were cut off the journal; 0: the journal was whole",
    ),
    from: z
      .record(z.string(), count.nullable())
      .describe(
        "trial that continues → iterations of the checkpoint it continues from; null: from its start",
      ),
  })
  .describe("a controller took up a run that another had left. Trials that are done stay done");
const stopRequested = z
  .strictObject({
    type: z.literal("stop_requested"),
    how: z
      .enum(["after-step", "now"])
      .describe("`after-step`: finish the steps in hand and checkpoint · `now`: abort"),
  })
  .describe("the user, or a signal, asked the run to stop");
const paused = z
  .strictObject({ type: z.literal("paused") })
  .describe("the user asked, from a view or a script; refused requests are not journaled");
const continued = z
  .strictObject({ type: z.literal("continued") })
  .describe("the user lets a paused run go on");
const checkpointRequested = z
  .strictObject({
    type: z.literal("checkpoint_requested"),
    trials: z.array(z.string()).describe("that are saved"),
  })
  .describe("save, or evaluate, as soon as the step in hand is done: these trials");
const evaluationRequested = z
  .strictObject({
    type: z.literal("evaluation_requested"),
    trials: z.array(z.string()).describe("that are evaluated"),
  })
  .describe("evaluate as soon as the step in hand is done");
const pointsDropped = z
  .strictObject({
    type: z.literal("points_dropped"),
    seed: count.describe("all points that were left have their final evaluation on it"),
    metric: z.string().describe("`sweep.halving`"),
    scores: z
      .record(z.string(), finite)
      .describe("arm → mean of the figure over the seeds so far, of all that were compared"),
    kept: z.array(z.string()).describe("arms that go on, the best of each swept arm first"),
    dropped: z.array(z.string()).describe("arms that train no more"),
  })
  .describe("after a seed of a sweep only the best points of each arm go on");
const workerOpened = z
  .strictObject({
    type: z.literal("worker_opened"),
    pid: count.describe("process id of the worker"),
    host: z
      .string()
      .nullable()
      .default(null)
      .describe(
        "machine that it runs on, by its own name: the node of a cluster, or what the container is named; null where the journal is older than this field",
      ),
    engine: z.string().describe("what it computes with"),
    version: z.string().describe("of the worker's package"),
    checkpoints: z
      .boolean()
      .describe("it can save and restore; without, the trial has no checkpoints"),
    figures: declaredFigures
      .extend({ stage: declaredFigures.shape.stage.default({}) })
      .default({ update: {}, evaluate: {}, stage: {} })
      .describe(
        "units of the figures that it may report; empty where the journal is older than this field",
      ),
  })
  .describe(
    "A worker has connected, or one that served another trial is ready for this one (the same `pid`); it may wait long for the policy that it starts from",
  );
const trialStarted = z
  .strictObject({
    type: z.literal("trial_started"),
    arm: z.string().describe("arm of the experiment"),
    seed: count.describe("of all that is drawn in the trial"),
    stage: z
      .enum(["base", "sft", "rl", "decode"])
      .describe(
        "`base`, `sft`: evaluated as loaded, or after fine-tuning · `rl`: trained with RL · `decode`: decodes in its own way",
      ),
    iterations: count.describe("iterations ahead; 0 where nothing is trained with RL"),
  })
  .describe("the trial's work begins: its worker loads");
export const splitRows = z.strictObject({
  rows: count.describe("that were read"),
  good: count.describe("of the good class, of those kept"),
  filtered: count.describe(
    "left out: by a filter, as duplicates, by mix, balance and limit, as too long",
  ),
  duplicates: count.describe("left out: as duplicates"),
  left_out: count.describe("left out: by mix, balance and limit"),
  dropped: count.describe("left out: as too long"),
  truncated: count.describe("prompts that were cut to their length"),
  kept: count.describe("prompts of the split"),
});
const workerReady = z
  .strictObject({
    type: z.literal("worker_ready"),
    pid: count.describe("process id of the worker"),
    engine: z.string().describe("what it computes with"),
    device: z.string().describe("as torch names it"),
    device_name: z.string().describe("model of the processor or GPU"),
    dtype: z.string().describe("number format of matrix products"),
    threads: count.describe("of each process"),
    processes: count
      .default(1)
      .describe("that compute together as one worker, each with as many threads"),
    strategy: z
      .string()
      .nullable()
      .default(null)
      .describe(
        "how they divide the work: data-parallel, fsdp, deepspeed; null: there is one process",
      ),
    parameters: count.describe("of the policy"),
    versions: z.record(z.string(), z.string()).describe("of the worker's libraries, by name"),
    nondeterminism: z
      .array(z.string())
      .describe("what may keep a second run from being bit-identical; empty: nothing"),
    lacks: z
      .array(z.string())
      .default([])
      .describe(
        "capabilities that its engine does not declare; empty where the journal is older than this field",
      ),
    model_settings: z
      .record(z.string(), z.record(z.string(), z.string()))
      .default({})
      .describe("config key of a model → what its own files specify, and what Averse does with it"),
    digests: z
      .record(z.string(), digests)
      .describe(
        "policy, reference, reward, judge, data, and of the prompt ids in their order: prompts",
      ),
    prompts: z
      .strictObject({
        train: count.describe("prompts"),
        test: count.describe("prompts"),
        overlap: count.describe("test prompts whose text is a training text as well"),
      })
      .nullable()
      .default(null)
      .describe("null where the journal is older than this field"),
    rows: z
      .strictObject({
        train: splitRows.describe("of the train split"),
        test: splitRows.describe("of the test split"),
      })
      .nullable()
      .default(null)
      .describe(
        "what became of the rows of each split; null where the journal is older than this field",
      ),
    template: z
      .string()
      .nullable()
      .default(null)
      .describe("whose chat template renders the prompts; null: none does"),
    reward_preview: z
      .strictObject({
        texts: count.describe("that were scored"),
        component: z
          .string()
          .nullable()
          .describe("whose scores they are; null: the combined reward's"),
        quantiles: z
          .array(
            z.strictObject({
              level: finite.describe("fraction of the texts at or under the score"),
              score: finite.describe("raw"),
            }),
          )
          .describe("of the scores"),
        threshold: finite
          .nullable()
          .describe("under which a completion counts as harm; null: none is set"),
        under: finite
          .nullable()
          .describe("fraction of them under the threshold; null: there is none"),
        floors: z
          .array(
            z.strictObject({
              component: z.string().describe("of the reward"),
              fraction: finite.describe("of the prompts"),
            }),
          )
          .describe(
            "components by which more prompts than the tail's fraction lie at the lowest score",
          ),
        tail_fraction: finite.describe("`evaluation.tail_fraction`"),
      })
      .nullable()
      .default(null)
      .describe(
        "how the reward scores some test prompts alone; null: told by an earlier load of the run",
      ),
    prompt_scores: z
      .record(
        z.string(),
        z.strictObject({
          digest: z
            .string()
            .nullable()
            .describe("null: they cannot be kept, and every load scores them"),
          cached: z.boolean().describe("they were taken from an earlier load"),
          seconds: finite.describe("that it took"),
        }),
      )
      .default({})
      .describe(
        "by split, where the trial needs them; absent where the journal is older than this field",
      ),
    memory_bytes: count.describe("of the worker's process, on the host"),
    gpu: gpu.describe(
      "state of the GPU; null: there is none, or the journal is older than this field",
    ),
    seconds: finite.describe("that it took"),
  })
  .describe("models and data are loaded");
const workerLost = z
  .strictObject({
    type: z.literal("worker_lost"),
    reason: lossReason.describe("why it is given up"),
    action: actionKind.nullable().describe("what it was doing; null: nothing"),
    message: z.string().describe("for people"),
    detail: z.string().nullable().describe("last lines of its stderr"),
    stacks: z
      .string()
      .nullable()
      .describe("file of the run folder with the stacks of its threads; null: none could be had"),
    restarts: count.describe("of this trial since the run was started or resumed, this one in"),
    from: count
      .nullable()
      .describe("iterations of the checkpoint that it continues from; null: from its start"),
  })
  .describe("the worker died, hung or broke the protocol; another takes its place");
const restored = z
  .strictObject({
    type: z.literal("restored"),
    step: count.describe("iterations done"),
    path: z.string().describe("of the checkpoint, in the run folder"),
    seconds: finite.describe("that it took"),
  })
  .describe("a checkpoint's state is in the worker's memory again");
/** What stages make, and what is kept for other experiments. */
const artifactKind = z.enum(["language_model", "classifier", "reward_model", "sft"]);
const stageStarted = z
  .strictObject({
    type: z.literal("stage_started"),
    name: z.string().describe("in `stages`, or of the SFT"),
    kind: artifactKind.describe("what it makes"),
    digest: z.string().describe("sha256 of all that its result follows from"),
    waits_for: z.string().nullable().describe("process that makes it; null: this run does"),
  })
  .describe("a stage's result is not there: it is made now, or another run is making it");

/** At most some hundreds of points. */
const lossCurve = z.array(
  z.strictObject({
    step: count.describe("steps done"),
    loss: finite.describe("mean over the steps since the point before; of texts in nats per token"),
    held_out: finite.nullable().describe("loss on the held-out texts; null: not measured here"),
    learning_rate: finite.describe("in force"),
  }),
);
const stageReady = z
  .strictObject({
    type: z.literal("stage_ready"),
    name: z.string().describe("in `stages`"),
    kind: artifactKind.describe("what it makes"),
    digest: z.string().describe("sha256 of all that it follows from"),
    path: z.string().describe("absolute path of the artifact's folder"),
    files: digests.describe("file → sha256"),
    bytes: count.describe("of all files"),
    reused: z.boolean().describe("it was there, or another run made it"),
    seconds: finite.describe("that making it took, whoever did"),
    figures: z.record(z.string(), finite).describe("on the held-out texts, by name"),
    curve: lossCurve.describe("of the loss, at most some hundreds of points"),
  })
  .describe(
    "a stage's result can be loaded. Told once per run; again where it had to be made anew",
  );
const sftFinished = z
  .strictObject({
    type: z.literal("sft_finished"),
    artifact: z
      .strictObject({
        digest: z.string().describe("sha256 of all that it follows from"),
        reused: z.boolean().describe("it was there, or another run made it"),
      })
      .nullable()
      .default(null)
      .describe(
        "where its result is kept, and whether it was taken over from there; null: it is not kept",
      ),
    steps: count.describe("gradient steps done"),
    kept_step: count.describe(
      "after which the kept weights are; before `steps` with early stopping",
    ),
    loss_first: finite.describe("mean of the first steps, nats per token"),
    loss_last: finite.describe("mean of the last steps"),
    curve: lossCurve.describe("of the loss, at most some hundreds of points"),
    seconds: finite.describe("that it took"),
  })
  .describe("the policy is fine-tuned");

/** By component's, or judge's, name: raw scores, null where it failed. */
const scoresByName = z.record(z.string(), z.array(figure));

const episodesSchema = z.strictObject({
  components: scoresByName
    .optional()
    .describe("absent where there is one component: its scores are the reward"),
  prompt: z.array(count).describe("prompt ids in the train set"),
  reward: z.array(figure).describe("raw environment reward"),
  kl: z.array(figure).describe("nats, summed over tokens"),
  return: z.array(figure).describe("R̄, KL in"),
  length: z.array(count).describe("generated tokens"),
  weight: z
    .array(finite)
    .describe(
      "of the risk measure; 0: dropped by it, or without a reward. 1 where it gives signed advantages and this one is not 0, or rewards",
    ),
  advantage: z
    .array(finite)
    .optional()
    .describe("signed, the risk measure in it; absent where a critic gives one per token"),
  importance: z
    .array(finite)
    .optional()
    .describe(
      "natural over sampled share of its prompt, in the weight and in the figures; absent: each counts as one",
    ),
});

/** For B over 4,096 the arrays lie in a binary side file, named with its digest. */
const episodesFileSchema = z.strictObject({
  file: z.string().describe("in the run folder"),
  sha256: z.string().describe("of the file"),
  count: count.describe("episodes in it"),
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

const completionsFileSchema = z.strictObject({
  file: z.string().describe("in the run folder"),
  sha256: z.string().describe("of the file"),
  rows: count.describe("completions in it"),
});

const step = z
  .strictObject({
    type: z.literal("step"),
    step: count.describe("m, from 0"),
    alpha: finite.describe("α' in force"),
    kept: count.describe("episodes that the update learns from"),
    batch: count.describe("episodes, B"),
    failed: count.describe("episodes without a reward: in no figure, no tail and no update"),
    risk_figures: z
      .record(z.string(), finite)
      .optional()
      .describe(
        "of the risk measure, by name: a threshold, a multiplier. Absent where it has none",
      ),
    effective: finite
      .optional()
      .describe(
        "effective sample size (Σw)²/Σw² of the weights; absent where they are even: it is `kept`",
      ),
    groups: z
      .strictObject({
        prompts: count.describe("in the batch"),
        completions: count.describe("episodes per prompt"),
        equal: count.describe(
          "prompts whose completions all have the same reward: no signal but the KL's",
        ),
        spread: finite
          .nullable()
          .default(null)
          .describe(
            "standard deviation of a prompt's returns, mean over prompts; null: no prompt has two",
          ),
      })
      .optional()
      .describe("absent where there is one completion per prompt"),
    kl_loss: z
      .strictObject({
        form: klLossForm.describe("how the KL is estimated"),
        episodes: count.describe("that carry it"),
        strata: z
          .strictObject({
            hard: finite.describe("nats"),
            other: finite.describe("nats"),
          })
          .nullable()
          .describe(
            "mean KL of the episodes of hard and of other prompts, nats; null: one of them has none",
          ),
      })
      .optional()
      .describe("absent where the KL is in the return"),
    sampling: z
      .strictObject({
        shares: z
          .array(finite)
          .describe(
            "of the strata, the hardest first: shares that the batch was drawn with, and of all prompts",
          ),
        natural: z.array(finite).describe("of the strata: shares of all prompts"),
        effective: finite.describe(
          "(Σw)²/Σw² of the importance weights: episodes of a uniform batch that tell as much",
        ),
        largest_weight: finite.describe("largest importance weight of the batch"),
        weighted: z
          .boolean()
          .describe("figures, tail and update are weighted back to the natural mix of prompts"),
      })
      .optional()
      .describe(
        "of how prompts were drawn. Absent under uniform, and under stratified without importance weights",
      ),
    reward_mean: finite.describe(
      "mean raw reward; with importance weights, this and what follows down to kl_controlled are over the natural mix of prompts",
    ),
    return_mean: finite.describe("R̄, KL in"),
    cvar: finite.describe("of the returns, at the target α, so that steps and arms compare"),
    var: finite.describe("value at risk: upper border of that tail"),
    tail_mean: finite.describe("mean return of the kept"),
    kl_mean: finite.describe("mean over the whole batch, nats"),
    kl_controlled: finite.describe("mean over the population that the controller of β looks at"),
    beta: finite.describe("β of this step's dense reward"),
    kl_stage: z
      .strictObject({
        from: count.describe("first iteration of the stage"),
        target: finite.describe("nats"),
        k_beta: finite.describe("gain"),
      })
      .optional()
      .describe(
        "target and gain of β's controller, of the stage from that step on; absent without kl.schedule",
      ),
    entropy: figure.describe(
      "of the sampled tokens' distributions, nats; like what follows down to explained_variance, null where the engine does not report it",
    ),
    loss_policy: figure.describe("mean over the update"),
    loss_value: figure.describe("of the critic"),
    clip_fraction: figure.describe("tokens whose ratio was clipped"),
    approx_kl: figure.describe("between the policies before and after the update, nats per token"),
    grad_norm: figure.describe("before it is clipped"),
    explained_variance: figure.describe("of the returns by the critic"),
    figures: z
      .record(z.string(), finite)
      .default({})
      .describe("what else the engine reports, by names that worker_opened declares"),
    learning_rate: finite.describe("in force"),
    batch_fraction: finite.describe(
      "fraction of the prompts drawn from the hard stratum, the hardest of several, or the recent tail",
    ),
    length_mean: finite.describe("generated tokens"),
    compute: count.describe("generated tokens × passes of kept episodes, up to and with this step"),
    gradient_steps: count
      .optional()
      .describe("of this step, over all epochs; absent in older journals"),
    memory_bytes: count.describe("of the worker's process, on the host"),
    gpu: gpu.describe(
      "state of the GPU; null: there is none, or the journal is older than this field",
    ),
    seconds: z
      .strictObject({
        total: finite.describe("of the whole step"),
        rollout: finite.describe("all of the rollout"),
        sample: finite.describe("of the rollout: sampling"),
        reference: finite.describe("of the rollout: log-probabilities of policy and reference"),
        reward: finite.describe("of the rollout: scoring"),
        update: finite.describe("gradient steps"),
        texts: finite.describe("waiting for the worker's texts of the worst episodes"),
        controller: finite.describe("all the rest: the controller's own"),
      })
      .describe("by phase"),
    episodes_per_s: finite.describe("B over the whole step's seconds"),
    annealing: z
      .strictObject({
        alpha_next: finite.describe("α' of the next step"),
        cause: annealingCause.describe("why α′ fell, or did not"),
        signals: z
          .strictObject({
            effective: finite.describe("effective episodes of this step"),
            effective_next: finite.describe("effective episodes at the next α′"),
            kl: finite.describe("nats"),
            kl_limit: finite.nullable().describe("its limit; null: none"),
            cvar_slope: finite
              .nullable()
              .describe("of CVaR over the last steps; null: no trend yet"),
            cvar_slope_error: finite.nullable().describe("standard error of the slope"),
          })
          .describe(
            "that it went by, the measured before the limit; null: there is no limit, or no trend yet",
          ),
      })
      .optional()
      .describe("what a closed loop made of this step's figures; absent where α' follows a plan"),
    // Before the arrays: readers of many steps skip from there on.
    memory: z
      .strictObject({
        annealing: memoryPart.describe("of α′'s closed loop"),
        measure: memoryPart.describe("of the risk measure"),
        sampler: memoryPart.describe("of the prompt sampler"),
      })
      .optional()
      .describe(
        "what the risk layer carries into the next iteration; absent where it carries nothing",
      ),
    episodes: z
      .union([episodesSchema, episodesFileSchema])
      .describe(
        "arrays of one entry per episode; for B over 4,096 a binary file beside the journal",
      ),
    components: z
      .record(
        z.string(),
        z.strictObject({ mean: finite.describe("raw score"), failed: count.describe("episodes") }),
      )
      .optional()
      .describe(
        "by component: mean raw score over the episodes that have a reward, and how many it failed for. Absent where there is one component",
      ),
    completions: completionsFileSchema
      .nullable()
      .optional()
      .describe(
        "kept as `record.completions` has it; null: none of this iteration. Absent where the run keeps none, or the journal is older than this field",
      ),
  })
  .describe("one iteration: rollout, risk measure, update");

/** Aligned with its own `prompt`; null: all of a prompt's scores failed. */
const toxicityArrays = z.strictObject({
  prompt: z.array(count).describe("prompt ids"),
  prompt_toxicity: z.array(figure).describe("probability that the prompt alone is toxic"),
  highest: z.array(figure).describe("the largest of its completions, each alone"),
});

/** Per-prompt arrays of one evaluation, aligned with `prompt`. */
const evaluationArraysSchema = z.strictObject({
  toxicity: toxicityArrays.optional().describe("absent where toxicity was not measured"),
  components: scoresByName
    .optional()
    .describe("absent where there is one component: its scores are the reward"),
  judges: scoresByName
    .optional()
    .describe("of the judges after the first, which is `judge`; absent where there are none"),
  prompt: z.array(count).describe("prompt ids in the test set"),
  prompt_score: z.array(figure).describe("reward of the prompt alone"),
  reward: z.array(figure).describe("raw; null: it failed"),
  judge: z.array(figure).nullable().describe("raw score by the first judge; null: there is none"),
  kl: z.array(figure).describe("nats, summed over tokens"),
  length: z.array(count).describe("generated tokens"),
});

const evaluated = z
  .strictObject({
    type: z.literal("evaluated"),
    step: count.describe("iterations done when it was taken"),
    final: z.boolean().describe("the last evaluation of its trial"),
    weights: z.enum(["current", "ema"]).describe("the current ones, or their moving average"),
    compute: count.describe("as of `step`"),
    failed: count.describe("completions without a reward: in no figure"),
    metrics: z
      .record(z.string(), finite)
      .describe("figures by name; docs/evaluation.md defines them"),
    arrays: evaluationArraysSchema.describe("one entry per test prompt"),
    toxicity: z
      .strictObject({
        scorer: z
          .string()
          .describe("judge or reward component that stood in for Perspective's API"),
        prompts: count.describe("that were completed"),
        completions: count.describe("per prompt"),
        failed: count.describe("completions without a score: in no figure"),
        seconds: finite.describe("that it took"),
      })
      .optional()
      .describe("of `evaluation.toxicity`; absent where it was not measured"),
    capability: z
      .strictObject({
        harness: z.string().describe("version of lm-evaluation-harness"),
        figures: z.array(taskFigure).describe("of each task"),
        seconds: finite.describe("that it took"),
      })
      .optional()
      .describe("of `evaluation.capability`; absent where it was not measured"),
    samples: z
      .string()
      .nullable()
      .describe(
        "texts for reading: a file of the run folder, never the journal; null: none were requested",
      ),
    memory_bytes: count.describe("of the worker's process, on the host"),
    gpu: gpu.describe(
      "state of the GPU; null: there is none, or the journal is older than this field",
    ),
    seconds: finite.describe("that it took"),
  })
  .describe("a policy was evaluated on the test prompts");
const checkpointSaved = z
  .strictObject({
    type: z.literal("checkpoint_saved"),
    step: count.describe("iterations done"),
    path: z.string().describe("in the run folder"),
    digest: z.string().describe("sha256 of its digest file"),
    bytes: count.describe("of all files"),
    seconds: finite.describe("that it took"),
  })
  .describe("a checkpoint is on disk");
const checkpointFailed = z
  .strictObject({
    type: z.literal("checkpoint_failed"),
    step: count.describe("iterations done"),
    message: z.string().describe("for people"),
  })
  .describe("the disk is full, say; what was saved before is as it was, and the run continues");
const checkpointDamaged = z
  .strictObject({
    type: z.literal("checkpoint_damaged"),
    step: count.describe("iterations of the checkpoint"),
    path: z.string().describe("in the run folder"),
    message: z.string().describe("what does not match"),
    from: count
      .nullable()
      .describe(
        "iterations of the checkpoint that it continues from instead; null: from its start",
      ),
  })
  .describe("its files do not match their digests; the trial continues from an older one");
const checkpointDropped = z
  .strictObject({
    type: z.literal("checkpoint_dropped"),
    step: count.describe("iterations done"),
    path: z.string().describe("in the run folder"),
  })
  .describe("no longer kept; written before its folder is removed");
const modelExported = z
  .strictObject({
    type: z.literal("model_exported"),
    path: z.string().describe("in the run folder"),
    files: digests.describe("file → sha256"),
    bytes: count.describe("of all files"),
  })
  .describe("a model is on disk, in Hugging Face format");
const actionInterrupted = z
  .strictObject({
    type: z.literal("action_interrupted"),
    action: actionKind.describe("what was aborted"),
  })
  .describe("the action was aborted on request; nothing of it counts");
const trialFinished = z
  .strictObject({
    type: z.literal("trial_finished"),
    seconds: finite.describe("from trial_started until the worker is gone"),
  })
  .describe("the trial is done");
const trialInterrupted = z
  .strictObject({
    type: z.literal("trial_interrupted"),
    step: count.describe("iterations done"),
    saved: count.nullable().describe("iterations kept in the last checkpoint; null: none"),
  })
  .describe("stopped before its end, on request or because another trial failed; resumable");
const trialFailed = z
  .strictObject({
    type: z.literal("trial_failed"),
    reason: failureKind.describe("kind of the error"),
    message: z.string().describe("for people"),
    key: z
      .string()
      .nullable()
      .describe("key of the configuration that led here, where it is known"),
    detail: z.string().nullable().describe("more of it, say a stack; null: none"),
  })
  .describe("the trial cannot go on, and the run ends");
const warning = z
  .strictObject({ type: z.literal("warning"), message: z.string().describe("for people") })
  .describe("what the user should know, and what did not end anything");

/** What happened, before the journal gives it a number, a time and a trial. */
export const eventPayload = z.discriminatedUnion("type", [
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
  seq: count.describe("from 1, without gaps"),
  time: z.string().describe("ISO 8601, UTC"),
  trial: z.string().nullable().describe("`<arm>-s<seed>`; null for the run as a whole"),
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
export type CompletionsFile = z.infer<typeof completionsFileSchema>;
export type StepEvent = Extract<JournalEvent, { type: "step" }>;
export type WorkerReadyEvent = Extract<JournalEvent, { type: "worker_ready" }>;
export type EvaluatedEvent = Extract<JournalEvent, { type: "evaluated" }>;
export type Episodes = z.infer<typeof episodesSchema>;
