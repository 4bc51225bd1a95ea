/**
 * What gives a text its raw score: the keys that a reward component and a judge have in common. One
 * flat object for all kinds; keys that do not fit the kind are refused (`rewards/scorer-keys.ts`).
 */
import { z } from "zod";
import { count, fraction, name, nonNegative, revision, trustRemoteCode } from "./fields.js";

export const scorerKinds = [
  "classifier",
  "preference",
  "python",
  "http",
  "lexicon",
  "length",
] as const;

export const scorerFields = {
  name: name
    .nullable()
    .default(null)
    .describe(
      "unique in the list; null: of a single reward `reward`, of a single judge `judge`, of " +
        "several their kind",
    ),
  kind: z
    .enum(scorerKinds)
    .default("classifier")
    .meta({
      description: "what scores the texts; the kind decides which of the keys below apply",
      enumDescriptions: [
        "a sequence classifier in transformers format, or the built-in one",
        "a reward model with one output, trained on preference pairs",
        "a Python function with TRL's signature",
        "a server that is sent batches of texts",
        "how many words of a list the text has",
        "how long the text is",
      ],
    }),
  text: z
    .enum(["whole", "completion"])
    .default("whole")
    .describe("what is scored: prompt and completion in one, or the completion alone"),
  model: z
    .string()
    .min(1)
    .default("builtin")
    .describe(
      "classifier, preference: a local folder, or a hub id; classifier: builtin is the built-in one",
    ),
  revision,
  trust_remote_code: trustRemoteCode,
  label: z
    .union([z.string(), z.array(z.string()).min(1)])
    .nullable()
    .default(null)
    .meta({ expected: "a label, or a list of labels" })
    .describe(
      "classifier: the class that is scored, for margin two of them, for max and logsumexp any " +
        "number; null: the only one, or the second of two",
    ),
  output: z
    .enum(["logit", "margin", "max", "logsumexp", "probability"])
    .default("logit")
    .meta({
      description: "classifier: how the model's outputs become one score",
      enumDescriptions: [
        "the raw logit of the label",
        "logit of the first label minus logit of the second",
        "the largest logit of the labels",
        "log Σ exp over the logits of the labels",
        "softmax of the label, or its sigmoid where the head is a multi-label one",
      ],
    }),
  function: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("python: file.py:function, or module:function"),
  url: z.string().min(1).nullable().default(null).describe("http: address of the server"),
  token_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of an environment variable")
    .nullable()
    .default(null)
    .describe(
      "http: environment variable of the worker that holds a bearer token; the token itself is " +
        "never recorded",
    ),
  retries: count
    .max(100)
    .default(5)
    .describe("http: further attempts after one that failed, with growing pauses between them"),
  allow_insecure: z
    .boolean()
    .default(false)
    .describe("http: allow an unencrypted connection to another machine"),
  format: z
    .enum(["averse", "openrlhf"])
    .default("averse")
    .meta({
      description: "http: form of requests and answers, see docs/rewards.md",
      enumDescriptions: ["Averse's own", "that of OpenRLHF's remote reward models"],
    }),
  words: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .nullable()
    .default(null)
    .meta({ expected: "a file, or a list of words" })
    .describe("lexicon: the words, or a file with one per line"),
  unit: z
    .enum(["tokens", "words", "characters"])
    .default("tokens")
    .describe("length: what is counted; tokens are the policy's"),
  target: count
    .nullable()
    .default(null)
    .describe("length: the score is minus the distance from it; null: the length itself"),
  sign: z
    .union([z.literal(1), z.literal(-1)])
    .default(1)
    .describe("-1 turns a harm score into a reward"),
  timeout_seconds: nonNegative
    .max(86_400)
    .default(60)
    .describe(
      "seconds that scoring one batch of texts may take before its rewards count as failed; 0: no limit",
    ),
  max_failed_fraction: fraction
    .default(0.05)
    .describe(
      "fraction of a batch whose rewards may fail (timeout, exception, NaN): those episodes are left " +
        "out; above it the run stops, resumable",
    ),
} as const;

export const judgeSchema = z.strictObject(scorerFields);
