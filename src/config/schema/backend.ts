/** The worker process and the numbers it computes with. */
import { z } from "zod";
import { count } from "./fields.js";

export const backendSchema = z.strictObject({
  worker: z
    .string()
    .min(1)
    .default("local")
    .describe("name of a file in configs/workers, or a path"),
  device: z
    .string()
    .regex(/^(auto|cpu|mps|cuda(:\d+)?)$/, "auto, cpu, mps, cuda, or cuda:N for the N-th GPU")
    .default("auto")
    .describe("auto: a GPU when there is one"),
  dtype: z
    .enum(["float32", "bfloat16", "float16"])
    .default("float32")
    .describe("type of the policy's weights and activations"),
  frozen_dtype: z
    .enum(["float32", "bfloat16"])
    .nullable()
    .default(null)
    .describe(
      "type of frozen weights: reference, rewards and judges; null: float32, with LoRA dtype for the " +
        "reference",
    ),
  threads: count
    .max(1024)
    .default(1)
    .describe("CPU threads per worker; results depend on it, so it is fixed; 0: torch's choice"),
  deterministic: z.boolean().default(true).describe("same bits on every run, where the device can"),
  engine_options: z
    .record(z.string(), z.json())
    .default({})
    .describe("options of the worker's engine, checked against the schema that it reports"),
});
