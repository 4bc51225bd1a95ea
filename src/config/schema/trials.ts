/** How many trials run at once, and what they survive. */
import { z } from "zod";
import { count, nonNegative } from "./fields.js";

export const trialsSchema = z.strictObject({
  parallel: count
    .max(256)
    .default(0)
    .describe(
      "trials run in parallel; 0: chosen from cores and GPUs, under Slurm and Ray up to 16 that ask the cluster for a place",
    ),
  restarts: count
    .max(1000)
    .default(3)
    .describe(
      "times that a lost worker (crash, timeout) is restarted per trial, from its last checkpoint",
    ),
  backoff_seconds: nonNegative
    .max(3600)
    .default(1)
    .describe("wait before the first restart of a worker; doubled for each one after it"),
});
