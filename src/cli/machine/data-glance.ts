/** The columns of a data file, as the worker's Python reads its first rows. */
import { z } from "zod";
import { pythonAnswer } from "./python-answer.js";

const glance = z.object({
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.enum(["text", "number", "messages", "other"]),
      values: z.array(z.union([z.string(), z.number(), z.boolean()])).nullable(),
      length: z.number(),
    }),
  ),
  /** Null: not counted. */
  rows: z.number().nullable(),
});

export type DataGlance = z.infer<typeof glance>;

const timeoutMs = 60_000;

/** @returns or, in words, why it cannot be read */
export async function glanceAt(file: string): Promise<DataGlance | string> {
  const answer = await pythonAnswer("averse_worker.data.glance", [file], "", {}, timeoutMs);
  return typeof answer === "string" ? answer : glance.parse(answer.json);
}
