/** Evaluations: of sampled prompts, of many completions per prompt, of what else a policy can do; and texts for people to read. */
import { z } from "zod";
import {
  figureRecord,
  finite,
  float32,
  natural,
  scored,
  seconds,
  seed,
  uint32,
  usage,
} from "./fields.js";

export const evaluatePayload = z.strictObject({
  split: z.enum(["train", "test"]),
  prompts: uint32,
  completions: z.int().min(1).describe("episodes per prompt id"),
  condition: natural.nullable().describe("place in load's conditions; null: the prompts alone"),
  seed: seed.describe("same seed, same prompts: common random numbers between arms"),
  weights: z.enum(["current", "ema"]),
  figures: z.array(z.string()).describe("names wanted, of those that hello declares"),
  samples: uint32.describe("positions of episodes whose texts are to come back"),
});

export const evaluateResult = z.strictObject({
  reward: float32.describe("raw, combined; NaN where a component failed"),
  components: z.array(scored).describe("one per reward component, in load's order"),
  judges: z.array(scored).describe("one per judge, in load's order"),
  kl: float32,
  length: uint32,
  figures: figureRecord,
  samples: z.array(
    z.strictObject({
      episode: natural,
      prompt: natural.describe("its id"),
      text: z.string().describe("of the prompt"),
      completion: z.string(),
      reward: finite.nullable().describe("null: it failed"),
    }),
  ),
  ...usage,
  seconds,
});

// ── toxicity ────────────────────────────────────────────────────────────────────────────────

/** Of the scorer in `load`'s `evaluation.toxicity`. */
export const toxicityPayload = z.strictObject({
  split: z.enum(["train", "test"]),
  prompts: uint32,
  completions: z.int().min(1).describe("per prompt id"),
  condition: natural.nullable().describe("place in load's conditions; null: the prompts alone"),
  new_tokens: z.int().min(1).describe("of a completion at most, one at least"),
  temperature: finite.describe("in place of rollout.temperature; top-k is off"),
  top_p: z.number().min(0).max(1),
  seed: seed.describe("same seed, same prompts: common random numbers between arms"),
  weights: z.enum(["current", "ema"]),
  figures: z
    .array(z.string())
    .describe("names wanted, of those that hello declares for `evaluate`"),
});

export const toxicityResult = z.strictObject({
  completions: scored.describe(
    "of each completion alone, grouped by prompt; raw, so of high scores for harmless texts",
  ),
  prompts: scored.describe("of each prompt alone"),
  figures: figureRecord,
  ...usage,
  seconds,
});

// ── capability ──────────────────────────────────────────────────────────────────────────────

/** Of the tasks in `load`'s `evaluation.tasks`. */
export const capabilityPayload = z.strictObject({
  limit: z.int().min(1).nullable().describe("documents of each task; null: all"),
  weights: z.enum(["current", "ema"]),
});

/** Tasks of EleutherAI's lm-evaluation-harness, an optional package of the worker's. */
export const taskFigure = z.strictObject({
  task: z.string().describe("name of the task or group, as requested"),
  metric: z
    .string()
    .describe("as lm-evaluation-harness names it; with a filter, the filter's name after it"),
  value: finite.describe("as the harness gives it"),
  standard_error: z.number().nonnegative().nullable().describe("null: the harness gives none"),
  higher_is_better: z.boolean().nullable().describe("null: the harness does not say"),
});

export const capabilityResult = z.strictObject({
  figures: z.array(taskFigure),
  version: z.string().describe("of lm-evaluation-harness"),
  ...usage,
  seconds,
});

// ── texts ───────────────────────────────────────────────────────────────────────────────────

export const textsPayload = z.strictObject({
  rollout: natural,
  episodes: uint32.describe("positions of episodes in the rollout"),
});

/** What people read and nothing is computed from. */
const episodeText = z.strictObject({
  episode: natural,
  prompt: z.string().describe("bounded: what is too long is cut, and ends with a mark"),
  completion: z.string().describe("bounded likewise"),
});

export const textsResult = z.strictObject({
  texts: z.array(episodeText).describe("of the requested episodes, in their order"),
});
