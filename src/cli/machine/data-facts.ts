/** What an experiment's data are, read by the worker's Python: by a worker's own code, without torch. */
import { z } from "zod";
import type { Experiment } from "../../config/schema/experiment.js";
import { unusedStages } from "../../config/stages/violations.js";
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

export interface DataQuestion {
  /** Rows of each split that come back whole. */
  readonly samples: number;
  /** Stages whose data are read as well. */
  readonly stages: readonly string[];
  /** Whether the experiment's own data are read. */
  readonly own?: boolean;
}

/** Stages that learn from other data than the experiment's, or read them in another way. */
export function stagesOfOwnData(experiment: Experiment): string[] {
  const own = JSON.stringify(dataSourceOf(experiment.data));
  const unused = unusedStages(experiment);
  return Object.keys(experiment.stages).filter((name) => {
    const { kind, data } = experiment.stages[name]!;
    const alike = kind === "language_model" && JSON.stringify(dataSourceOf(data)) === own;
    return !alike && !unused.includes(name);
  });
}

/** A million rows take about a minute. */
const timeoutMs = 600_000;

/**
 * @param environment that the worker's spec adds to this process's
 * @returns or, in words, why nobody could be asked
 */
export async function dataFacts(
  experiment: Experiment,
  environment: Readonly<Record<string, string>>,
  { samples, stages, own = true }: DataQuestion,
): Promise<DataFacts | string> {
  const { data, policy, rollout, arms } = experiment;
  const ofArms = Object.values(arms).map((arm) => arm.rollout.prompt_tokens);
  const query = {
    source: own ? dataSourceOf(data) : null,
    // The model of a stage is not there before the stage is.
    policy: policy.model.startsWith("stage:")
      ? null
      : { model: policy.model, revision: policy.revision },
    prompt_tokens: Math.min(rollout.prompt_tokens, ...ofArms),
    samples,
    stages: stages.map((name) => {
      const { kind, data: learned } = experiment.stages[name]!;
      return { name, kind, source: dataSourceOf(learned) };
    }),
  };
  const module = "averse_worker.data.check";
  const found = await pythonAnswer(module, [], JSON.stringify(query), environment, timeoutMs);
  return typeof found === "string" ? found : answer.parse(found.json);
}
