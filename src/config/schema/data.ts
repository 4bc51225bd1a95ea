/** Where prompts and training texts come from, and which of them are used. */
import { z } from "zod";
import { fraction, openFraction, positive, positiveInt } from "./fields.js";

const text = z.string().min(1);
const scalar = z.union([text, z.number(), z.boolean()]);
const scalars = z.union([scalar, z.array(scalar).min(1)]);

/** Of a column's value; all that is given must hold. */
const conditionSchema = z.strictObject({
  column: text.describe("its name; dots lead into nested ones, as in prompt.toxicity"),
  is: scalars.optional().describe("this value, or one of these"),
  not: scalars.optional().describe("not this value, or none of these"),
  below: z.number().optional().describe("a number under this"),
  above: z.number().optional().describe("a number over this"),
});

/** What a column is used for → its name. */
const columnsSchema = z.strictObject({
  text: text.optional(),
  prompt: text.optional(),
  completion: text.optional(),
  messages: text.optional(),
  chosen: text.optional(),
  rejected: text.optional(),
  label: text.optional(),
  tools: text.optional(),
});

const splitNames = {
  train: text.optional(),
  test: z.union([text, z.number().gt(0).lt(1)]).optional(),
};
const splitExpected = "a fraction over 0 and under 1, or {train: NAME, test: NAME or fraction}";
const splitMeaning =
  "test rows: a fraction of the rows; or {train, test}: names of splits, test also a fraction of " +
  "train; null: the splits train and test, of one file 0.1";

const place = z.union([text, z.strictObject({ train: text, test: text })]);
const placeExpected = "builtin, a file, a folder, or {train: FILE, test: FILE}";
const placeMeaning =
  "builtin; a file (.jsonl, .json, .csv, .tsv, .parquet, .arrow, .txt; also .gz, .xz, .bz2, .zst, .zip), " +
  "a folder with one per split or of save_to_disk; or {train: FILE, test: FILE}";

/** What a source of rows has, whether it is the only one or one of several. */
const sourceKeys = {
  hub: text.nullable().default(null).describe("id of a data set on the Hugging Face hub"),
  config: text.nullable().default(null).describe("configuration of the hub's data set"),
  revision: text
    .nullable()
    .default(null)
    .describe("commit, branch or tag of the hub's data set; null: the newest"),
  columns: columnsSchema
    .nullable()
    .default(null)
    .meta({
      expected: "a map from text, prompt, completion, messages, label or tools to a column's name",
    })
    .describe(
      "text, or prompt (and completion), or messages; and label, and of conversations tools: the " +
        "columns they are in; null: those that are called so",
    ),
  good: z
    .union([scalar, z.array(scalar).min(1), conditionSchema])
    .nullable()
    .default(null)
    .meta({
      expected: "a label, a list of labels, or {column: NAME, below: NUMBER} (is, not, above)",
    })
    .describe(
      "the good class: a label, a list of labels, or {column, is | not | below | above}; null: rows " +
        "labelled good or 1 (and bad or 0)",
    ),
  filter: z
    .union([conditionSchema, z.array(conditionSchema)])
    .nullable()
    .default(null)
    .meta({ expected: "{column: NAME, is: VALUE} (not, below, above), or a list of these" })
    .describe("only rows of which this holds: {column, is | not | below | above}, or a list"),
};

const mixedSourceSchema = z.strictObject({
  path: place.nullable().default(null).meta({ expected: placeExpected }).describe(placeMeaning),
  ...sourceKeys,
  split: z
    .union([z.number().gt(0).lt(1), z.strictObject(splitNames)])
    .nullable()
    .default(null)
    .meta({ expected: splitExpected })
    .describe(splitMeaning),
  weight: positive.nullable().default(null).describe("its part of the mix; null: all its rows"),
});

export const dataSchema = z.strictObject({
  path: place.default("builtin").meta({ expected: placeExpected }).describe(placeMeaning),
  ...sourceKeys,
  split: z
    .union([
      z.number().gt(0).lt(1),
      z.strictObject({ ...splitNames, seed: z.int().min(0).max(0xffff_ffff).optional() }),
    ])
    .nullable()
    .default(null)
    .meta({ expected: `${splitExpected}, with seed` })
    .describe(`${splitMeaning}; seed (0): of every random choice of rows`),
  sources: z
    .array(mixedSourceSchema)
    .min(1)
    .nullable()
    .default(null)
    .meta({ expected: "a list of {path or hub, weight, columns, good, filter, split, …}" })
    .describe(
      "several sources, each with keys of its own (path, hub, columns, good, filter, split, …) and a " +
        "weight; columns, good, filter and split that one leaves out are those beside `sources`",
    ),
  deduplicate: z
    .boolean()
    .default(false)
    .describe("of rows with the same prompt or text, keep the first alone"),
  balance: openFraction
    .lt(1)
    .nullable()
    .default(null)
    .describe(
      "fraction of the training rows that are good (paper: 0.7); surplus rows are left out; null: as " +
        "they are",
    ),
  limit: z
    .union([
      positiveInt,
      z.strictObject({ train: positiveInt.optional(), test: positiveInt.optional() }),
    ])
    .nullable()
    .default(null)
    .meta({ expected: "a whole number at least 1, or {train: N, test: N}" })
    .describe("most rows of each split, or {train, test}; null: all"),
  max_overlap: fraction
    .default(0.1)
    .describe("fraction of the test prompts that may be training prompts; more are refused"),
  template: text
    .default("auto")
    .describe(
      "chat template; auto: the policy's own, for messages; none; or a Jinja file, which then also " +
        "renders plain prompts, as a user's message",
    ),
  truncate: z
    .enum(["start", "end", "refuse", "drop"])
    .nullable()
    .default(null)
    .describe(
      "prompts over rollout.prompt_tokens: cut at the start or the end, refused or left out; null: " +
        "refuse for chats, end for texts",
    ),
});

export type DataConfig = z.infer<typeof dataSchema>;
