/** Evaluations, and texts for people to read. */
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
