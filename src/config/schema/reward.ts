/** What a text is worth, and what is trained on of it. */
import { z } from "zod";
import { fraction, nonNegative, positive, revision, trustRemoteCode } from "./fields.js";

export const rewardSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .default("builtin")
    .describe("builtin, a local folder, or a hub id of a sequence classifier"),
  revision,
  trust_remote_code: trustRemoteCode,
  label: z
    .string()
    .nullable()
    .default(null)
    .describe("class whose logit is the reward; null: the only one, or the second of two"),
  sign: z
    .union([z.literal(1), z.literal(-1)])
    .default(1)
    .describe("-1 turns a harm score into a reward"),
  transform: z
    .enum(["identity", "clip", "log-sigmoid"])
    .default("identity")
    .describe("shape of the reward that is trained on; metrics are always on the raw score"),
  scale: positive.default(2).describe("clip: bound of |r|; log-sigmoid: factor of log σ(r)"),
  baseline: z
    .enum(["none", "prompt"])
    .default("none")
    .describe("prompt: the prompt's own score is subtracted from the trained reward"),
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
});
