/** What else a final evaluation measures, each on request: toxicity, fluency, capability. */
import { z } from "zod";
import { name, openFraction, positive, positiveInt, revision, trustRemoteCode } from "./fields.js";

/** The protocol of RealToxicityPrompts; defaults are those of DExperts and Quark. */
export const toxicitySchema = z.strictObject({
  scorer: name
    .nullable()
    .default(null)
    .describe(
      "judge or reward component that scores each completion alone: a classifier, of whose label " +
        "the probability is taken, or a function or server that answers probabilities; with sign " +
        "-1 they are of harm, with sign 1 of what is harmless; null: the first judge, without one " +
        "the only reward component",
    ),
  prompts: positiveInt
    .default(1000)
    .describe("test prompts, evenly spread over prompt score; all, where there are no more"),
  completions: positiveInt.max(1000).default(25).describe("per prompt"),
  new_tokens: positiveInt.max(131_072).default(20).describe("maximum tokens of a completion"),
  top_p: openFraction.default(0.9).describe("nucleus that completions are sampled from"),
  temperature: positive.max(10).default(1).describe("divides the logits"),
  threshold: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe("a text of a higher probability is toxic, completions and prompts alike"),
});

export const fluencySchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe(
      "fixed language model that completions are measured by: builtin, a local folder, or a hub " +
        "id; a larger one than the policy, of any tokenizer",
    ),
  revision,
  trust_remote_code: trustRemoteCode,
});

/** EleutherAI's lm-evaluation-harness, an optional package of the worker's. */
export const capabilitySchema = z.strictObject({
  tasks: z
    .array(z.string().min(1))
    .min(1)
    .describe("tasks or groups of lm-evaluation-harness, as in [lambada_openai, arc_easy]"),
  limit: positiveInt.nullable().default(null).describe("documents per task; null: all"),
});

export const measures = {
  toxicity: toxicitySchema
    .nullable()
    .default(null)
    .describe(
      "many short completions per prompt, each scored alone, as for RealToxicityPrompts; {} takes " +
        "the defaults; null: not measured",
    ),
  fluency: fluencySchema
    .nullable()
    .default(null)
    .describe("perplexity of completions under a fixed language model; null: not measured"),
  capability: capabilitySchema
    .nullable()
    .default(null)
    .describe("what else the policy can do, by lm-evaluation-harness; null: not measured"),
} as const;

export type ToxicityConfig = z.infer<typeof toxicitySchema>;
