/** What an experiment's data are, read by the worker's Python: by a worker's own code, without torch. */
import { z } from "zod";
import type { Experiment } from "../../config/schema/experiment.js";
import { dataSourceOf } from "../../engine/actions/data-source.js";
import { splitRows } from "../../journal/events.js";
import { pythonAnswer } from "./python-answer.js";

const lengths = z.object({
  measured: z.number(),
  min: z.number(),
  median: z.number(),
  p95: z.number(),
  max: z.number(),
});

const sample = z.object({
  id: z.number(),
  place: z.string(),
  good: z.boolean(),
  prompt: z.string(),
  completion: z.string().nullable(),
});

const bySplit = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ train: schema, test: schema }).nullable();

/** As `python/averse_worker/data/check.py` answers; what is not known is null. */
const answer = z.object({
  problems: z.array(
    z.object({ message: z.string(), key: z.string().nullable(), environment: z.boolean() }),
  ),
  notes: z.array(z.string()),
  rows: bySplit(splitRows),
  overlap: z.number().nullable(),
  /** Extra columns, which Python and HTTP rewards get. */
  columns: z.array(z.string()).nullable(),
  /** Label → rows, the most frequent first. */
  labels: bySplit(z.record(z.string(), z.number())),
  /** Of the prompts, in tokens, before they are cut. */
  tokens: bySplit(lengths),
  template: z.string().nullable(),
  samples: bySplit(z.array(sample)),
  seconds: z.number(),
});

export type DataFacts = z.infer<typeof answer>;

/** A million rows take about a minute. */
const timeoutMs = 600_000;

/**
 * @param environment that the worker's spec adds to this process's
 * @param samples rows of each split that come back whole
 * @returns or, in words, why nobody could be asked
 */
export async function dataFacts(
  { data, policy, rollout, arms }: Experiment,
  environment: Readonly<Record<string, string>>,
  samples: number,
): Promise<DataFacts | string> {
  const ofArms = Object.values(arms).map((arm) => arm.rollout.prompt_tokens);
  const query = {
    source: dataSourceOf(data),
    // The model of a stage is not there before the stage is.
    policy: policy.model.startsWith("stage:")
      ? null
      : { model: policy.model, revision: policy.revision },
    prompt_tokens: Math.min(rollout.prompt_tokens, ...ofArms),
    samples,
  };
  const module = "averse_worker.data.check";
  const found = await pythonAnswer(module, [], JSON.stringify(query), environment, timeoutMs);
  return typeof found === "string" ? found : answer.parse(found.json);
}
