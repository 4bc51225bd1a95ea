/** What a worker loads: models, rewards, data, settings; and the scores of the prompts alone. */
import { z } from "zod";
import { dataSource, splitFacts } from "./data.js";
import { digests, finite, float32, natural, seconds, seed, uint32, usage } from "./fields.js";

export const model = {
  model: z.string().describe("builtin, a folder, or a hub id"),
  revision: z.string().nullable().describe("commit, branch or tag of a hub id; null: the newest"),
  trust_remote_code: z.boolean(),
};

const adapter = z.strictObject({
  kind: z.literal("lora"),
  rank: natural,
  alpha: finite.describe("the delta of the weights is scaled by alpha / rank"),
  dropout: z.number().min(0).max(1),
  targets: z
    .array(z.string())
    .nullable()
    .describe("names of modules; null: every linear layer of the trunk"),
});

const scoring = {
  text: z
    .enum(["whole", "completion"])
    .describe("what is scored; of a prompt alone it is the prompt"),
  sign: z.union([z.literal(1), z.literal(-1)]),
  timeout_seconds: seconds.describe("of scoring one batch of texts; 0: no limit"),
};

const classes = {
  labels: z
    .array(z.string())
    .describe("classes that are scored; empty: the only one, or the second of two"),
  output: z
    .enum(["logit", "margin", "max", "logsumexp", "probability"])
    .describe("how the logits of these classes become one score"),
};

/** What gives a text its raw score; the fields beside `kind` belong to the kind. */
export const scorer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("builtin"), ...classes, ...scoring }),
  z.strictObject({ kind: z.literal("classifier"), ...model, ...classes, ...scoring }),
  z.strictObject({ kind: z.literal("preference"), ...model, ...scoring }),
  z.strictObject({
    kind: z.literal("python"),
    function: z.string().describe("file.py:function with an absolute path, or module:function"),
    ...scoring,
  }),
  z.strictObject({
    kind: z.literal("http"),
    url: z.string(),
    token_env: z
      .string()
      .nullable()
      .describe("variable of the worker's environment with a bearer token"),
    retries: natural.describe("further attempts after one that failed"),
    allow_insecure: z.boolean().describe("http:// to another machine"),
    format: z.enum(["averse", "openrlhf"]),
    ...scoring,
  }),
  z.strictObject({
    kind: z.literal("lexicon"),
    words: z.array(z.string()).nullable().describe("null: those of the file"),
    path: z.string().nullable().describe("a file with one word per line"),
    ...scoring,
  }),
  z.strictObject({
    kind: z.literal("length"),
    unit: z.enum(["tokens", "words", "characters"]).describe("tokens are the policy's"),
    target: natural.nullable().describe("the score is minus the distance; null: the length"),
    ...scoring,
  }),
]);

const rewardComponent = z.strictObject({
  name: z.string().describe("unique among the components"),
  weight: finite.describe("in the combined reward; 0: scored, and not trained on"),
  transform: z.enum(["identity", "clip", "log-sigmoid", "sigmoid", "hinge"]),
  scale: finite.describe("clip: bound; log-sigmoid, sigmoid, hinge: factor"),
  threshold: finite.describe("of hinge"),
  normalize: z
    .enum(["none", "running"])
    .describe("running: by mean and deviation of all rollouts so far, this one in"),
  baseline: z
    .enum(["none", "prompt"])
    .describe("prompt: the prompt's own transformed score is subtracted"),
  scorer,
});

export const backend = z.strictObject({
  device: z.string().describe("auto, cpu, cuda, cuda:1, mps"),
  dtype: z.enum(["float32", "bfloat16", "float16"]),
  frozen_dtype: z
    .enum(["float32", "bfloat16"])
    .nullable()
    .describe(
      "of the weights of reference, rewards and judges; null: float32, with an adapter dtype for " +
        "the reference",
    ),
  threads: natural.describe("CPU threads of tensor operations; 0: torch's default"),
  deterministic: z.boolean(),
});

const decoding = z.strictObject({
  best_of: z
    .int()
    .min(1)
    .describe("completions drawn for each that is evaluated: the one with the highest reward"),
  experts: z
    .strictObject({
      expert: z.strictObject(model),
      anti_expert: z.strictObject(model),
      strength: finite.describe("a of the logits z + a·(z_expert − z_anti_expert)"),
      filter_p: finite.describe(
        "of the policy's nucleus, outside which nothing is drawn; 1: there is none",
      ),
    })
    .nullable(),
});

export const loadPayload = z.strictObject({
  seed,
  policy: z.strictObject({
    ...model,
    adapter: adapter.nullable().describe("null: full fine-tuning"),
    quantize: z.enum(["none", "4bit"]).describe("4bit: the frozen base in NF4; with an adapter"),
    gradient_checkpointing: z
      .boolean()
      .describe("activations are computed again in the backward pass"),
  }),
  reference: z
    .strictObject(model)
    .nullable()
    .describe("the frozen model that KL is measured against; null: the policy as loaded"),
  rewards: z.array(rewardComponent).min(1),
  judges: z
    .array(z.strictObject({ name: z.string().describe("unique among the judges"), scorer }))
    .describe("score evaluations only, never trained against"),
  evaluation: z
    .strictObject({
      toxicity: z
        .strictObject({ name: z.string(), scorer })
        .nullable()
        .describe(
          "scores completions alone: a probability, or minus a probability where its sign is -1",
        ),
      fluency: z
        .strictObject(model)
        .nullable()
        .describe("the fixed language model of the figure `fluency`"),
      tasks: z.array(z.string()).describe("of lm-evaluation-harness, for `capability`"),
    })
    .describe("what only evaluations need, beside the judges"),
  data: z.strictObject({
    source: dataSource,
    prompt_tokens: natural,
  }),
  rollout: z.strictObject({
    new_tokens: natural,
    min_new_tokens: natural,
    temperature: finite,
    top_k: natural.describe("0: off"),
    top_p: finite,
    minibatch: natural.describe("episodes sampled at once; 0: all"),
  }),
  conditions: z
    .array(z.string())
    .describe(
      "texts of which one may stand before each prompt where completions are drawn or learned, and " +
        "nowhere else; other commands name them by their place",
    ),
  decoding: decoding
    .nullable()
    .describe(
      "how evaluations make completions, of a policy that is not trained; null: by sampling",
    ),
  training: z.strictObject({
    critic: z.boolean().describe("false: no value head, no λ-returns"),
    epochs: natural,
    minibatch: natural.describe("episodes per gradient step"),
    microbatch: natural.describe("episodes per forward pass of a gradient step; 0: all"),
    learning_rate: finite,
    value_learning_rate: finite,
    gamma: finite,
    lambda: finite,
    clip_ratio: finite,
    clip_value: finite,
    value_coefficient: finite,
    entropy_coefficient: finite,
    max_grad_norm: finite,
    prefix_baseline: z.boolean().describe("critic = reward of the prefix + value head"),
    ema_decay: finite.describe("of the exponential moving average of the weights; 0: none is kept"),
  }),
  backend,
  engine_options: z.record(z.string(), z.unknown()).describe("as hello's schema has them"),
});

const promptSet = z.strictObject({
  ids: uint32,
  scores_digest: z
    .string()
    .nullable()
    .describe("sha256 of all that the prompts' scores follow from; null: they cannot be kept"),
});

export const loadResult = z.strictObject({
  device: z.string(),
  device_name: z.string(),
  dtype: z.string(),
  threads: natural,
  processes: z.int().min(1).describe("that compute together, each with as many threads"),
  parameters: natural,
  context: natural.describe("positions of the policy, in tokens"),
  train: promptSet,
  test: promptSet,
  sft_digest: z
    .string()
    .describe("sha256 of all that `sft` follows from, but for its own payload: equal, equal bits"),
  overlap: natural.describe("test prompts whose text is a training text as well"),
  rows: z.strictObject({ train: splitFacts, test: splitFacts }),
  template: z
    .string()
    .nullable()
    .describe("whose chat template renders the prompts; null: none does"),
  versions: z.record(z.string(), z.string()),
  nondeterminism: z
    .array(z.string())
    .describe("what may keep two runs on this machine from being bit-identical; empty: nothing"),
  model_settings: z
    .record(z.string(), z.record(z.string(), z.string()))
    .describe("a model's config key → what its own files ask for, and what is done with it"),
  digests: z.strictObject({
    policy: digests,
    reference: digests,
    rewards: z.record(z.string(), digests).describe("component → its files"),
    judges: z.record(z.string(), digests).describe("judge → its files"),
    evaluation: z
      .record(z.string(), digests)
      .describe("toxicity and fluency → their files, where `load` names them"),
    decoding: z
      .record(z.string(), digests)
      .describe("expert and anti_expert → their files, where `load` names them"),
    data: digests,
  }),
  ...usage,
  seconds,
});

// ── score_prompts ───────────────────────────────────────────────────────────────────────────

const promptScores = z.strictObject({
  name: z.string().describe("of the reward component"),
  scores: float32.describe("raw, of the prompt alone, one per prompt"),
});

export const scorePromptsPayload = z.strictObject({
  split: z.enum(["train", "test"]),
  prompts: uint32.describe("ids of the split"),
  known: z
    .array(promptScores)
    .nullable()
    .describe("an earlier answer for these prompts under the same digest; null: score them"),
});

export const scorePromptsResult = z.strictObject({
  combined: float32.describe("Σ over components of weight · score"),
  components: z.array(promptScores),
  seconds,
});
