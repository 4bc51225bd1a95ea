/** What is kept beside the figures. */
import { z } from "zod";
import { count } from "./fields.js";

export const recordSchema = z.strictObject({
  tail_texts: count
    .max(1000)
    .default(8)
    .describe("worst episodes of each iteration whose texts are kept for reading; 0: none"),
});
