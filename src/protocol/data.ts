/** Where rows come from and what is taken of them: of `load`, and of everything that trains. */
import { z } from "zod";
import { finite, natural, seed } from "./fields.js";

const scalar = z.union([z.string(), finite, z.boolean()]);

const condition = z
  .strictObject({
    column: z
      .string()
      .nullable()
      .describe("its name, dots lead into nested ones; null: the column with the role `label`"),
    values: z.array(scalar).nullable().describe("the value is one of these"),
    not_values: z.array(scalar).nullable().describe("the value is none of these"),
    below: finite.nullable().describe("the value is a number under this"),
    above: finite.nullable().describe("the value is a number over this"),
  })
  .describe("on a column's value; all that is not null must hold");

const dataPlace = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("builtin") }),
    z.strictObject({
      kind: z.literal("path"),
      path: z
        .string()
        .describe("a file; a folder with a file per split; or a folder of `save_to_disk`"),
    }),
    z.strictObject({
      kind: z.literal("pair"),
      train: z.string().describe("a file"),
      test: z.string().describe("a file"),
    }),
    z.strictObject({
      kind: z.literal("hub"),
      id: z.string(),
      config: z.string().nullable(),
      revision: z.string().nullable().describe("commit, branch or tag; null: the newest"),
    }),
  ])
  .describe("builtin: what ships with the worker; hub: a data set of the Hugging Face hub");

const dataPart = z
  .strictObject({
    place: dataPlace,
    weight: finite.nullable().describe("fraction of the mix, up to a factor; null: all rows"),
    columns: z
      .record(z.string(), z.string())
      .nullable()
      .describe(
        "role → column; roles are text, prompt, completion, messages, chosen, rejected, label, tools; " +
          "null: those that are called so",
      ),
    good: condition
      .nullable()
      .describe("which rows are of the good class; null: those labelled good or 1"),
    filter: z.array(condition).describe("rows that meet all of these are kept"),
    split: z.strictObject({
      train: z.string().nullable().describe("name of the split; null: train"),
      test: z.string().nullable().describe("name of the split; null: test, or a fraction"),
      fraction: finite
        .nullable()
        .describe("of the rows that become test rows; null: the test split is there"),
    }),
  })
  .describe("one source of rows");

/** One type for every command that reads data. */
export const dataSource = z.strictObject({
  parts: z.array(dataPart).min(1),
  seed: seed.describe("of every random choice of rows: split, mix, balance, limit"),
  deduplicate: z
    .boolean()
    .describe("of rows with the same prompt or text, the first alone is kept"),
  balance: finite
    .nullable()
    .describe("fraction of the training rows that are of the good class; null: as they are"),
  limit: z
    .strictObject({ train: natural.nullable(), test: natural.nullable() })
    .describe("most rows of a split; null: all"),
  max_overlap: finite.describe("most test prompts that may be training prompts, as a fraction"),
  template: z
    .string()
    .describe("auto: the model's own, for conversations; none; or the path of a Jinja file"),
  truncate: z
    .enum(["start", "end", "refuse", "drop"])
    .nullable()
    .describe("what is done with a prompt that is too long; null: refuse chats, cut texts' end"),
});

/** What became of the rows of a split. */
export const splitFacts = z.strictObject({
  rows: natural.describe("that were read"),
  good: natural.describe("of the good class, of those kept"),
  filtered: natural.describe("left out by a filter"),
  duplicates: natural.describe("left out as duplicates"),
  left_out: natural.describe("left out by mix, balance and limit"),
  dropped: natural.describe("left out because the prompt is too long"),
  truncated: natural.describe("prompts that were cut to their length"),
  kept: natural.describe("prompts of the split"),
});
