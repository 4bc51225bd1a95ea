/** How an arm of the stage `decode`, which trains nothing, makes its completions. */
import { z } from "zod";
import { nonNegative, openFraction, positiveInt } from "./fields.js";

const expert = (part: string) =>
  z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(`${part} (DExperts): builtin, a local folder, a hub id, or stage:NAME; null: none`);

export const decodingSchema = z.strictObject({
  best_of: positiveInt
    .max(1024)
    .default(1)
    .describe(
      "n: completions drawn per prompt, of which the one with the highest reward is evaluated; 1: the only one",
    ),
  instruction: z
    .string()
    .min(1)
    .max(4000)
    .nullable()
    .default(null)
    .describe(
      "text put before each prompt when completions are drawn, of a conversation the system message; " +
        "scorers and the reference read the prompt without it; null: none",
    ),
  expert: expert("model of good texts, whose logits are added"),
  anti_expert: expert("model of bad texts, whose logits are subtracted"),
  strength: nonNegative
    .max(100)
    .default(2)
    .describe("with experts: factor of the difference of their logits; 0: the model alone"),
  filter_p: openFraction
    .default(0.9)
    .describe(
      "with experts: only tokens of the model's own nucleus of this probability can be drawn; 1: all",
    ),
});
