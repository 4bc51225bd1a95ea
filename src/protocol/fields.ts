/** Fields that several messages have. */
import { z } from "zod";

export const natural = z.int().nonnegative();
export const seed = z.int().min(0).max(0xffff_ffff).describe("32-bit seed of one named stream");
export const finite = z.number();
export const seconds = z.number().nonnegative();
/** Little-endian float32 values. */
export const float32 = z.instanceof(Uint8Array).meta({ type: "string", format: "float32-le" });
/** Little-endian uint32 values. */
export const uint32 = z.instanceof(Uint8Array).meta({ type: "string", format: "uint32-le" });
export const digests = z.record(z.string(), z.string()).describe("file name → sha256, hexadecimal");
export const figureRecord = z
  .record(z.string(), finite)
  .describe("by names that hello declares; one that does not apply is absent");

/** The whole GPU, with what other programs use of it: to be watched, no figure comes of it. */
export const gpuState = z.strictObject({
  load: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("fraction of up to the last second in which it was busy; null: it cannot be read"),
  memory_used_bytes: natural.describe("of the whole GPU, by every process"),
  memory_total_bytes: natural.describe("of the whole GPU"),
});

/** Why there is no score, and for which episodes. */
export const scoreFailure = z.strictObject({
  kind: z.enum(["timeout", "exception", "not-finite"]),
  message: z.string(),
  episodes: uint32.describe("positions of episodes, ascending"),
});

/** What one reward component, or one judge, says of the episodes. */
export const scored = z.strictObject({
  name: z.string(),
  scores: float32.describe("raw; NaN where it failed"),
  failures: z.array(scoreFailure).describe("no episode is in two of them"),
});

/** What a result says of the machine: to be watched, no figure comes of it. */
export const usage = {
  memory_bytes: natural.describe("of the worker's process, on the host"),
  gpu: gpuState.nullable().describe("null: the worker computes on no GPU"),
};
