/** How many trials run at once, and what they survive. */
import { z } from "zod";
import { count, nonNegative } from "./fields.js";

export const trialsSchema = z.strictObject({
  parallel: count.max(256).default(0).describe("trials side by side; 0: from cores and GPUs"),
  restarts: count
    .max(1000)
    .default(3)
    .describe("workers that a trial may lose (crash, hang) and go on from its last checkpoint"),
  backoff_seconds: nonNegative
    .max(3600)
    .default(1)
    .describe("wait before the first restart of a worker; doubled for each one after it"),
});
