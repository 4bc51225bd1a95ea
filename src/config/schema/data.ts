/** Where prompts and fine-tuning texts come from. */
import { z } from "zod";

export const dataSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .default("builtin")
    .describe("builtin, or a folder with train.jsonl and test.jsonl"),
});
