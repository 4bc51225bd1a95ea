/** What is found out of an experiment's data, as the worker's code reads them. */
import type { Experiment } from "../config/schema/experiment.js";
import { planTrials } from "../config/trials.js";
import type { PromptCounts } from "./check-evaluation.js";
import { type Concern, type Findings, nothingFound } from "./findings.js";

interface Split {
  readonly rows: number;
  /** Prompts. */
  readonly kept: number;
  readonly good: number;
  readonly truncated: number;
  readonly dropped: number;
}

/** As the worker's Python answers. */
export interface DataReading {
  readonly problems: readonly {
    readonly message: string;
    readonly key: string | null;
    /** A file or a network is missing; the configuration may be right. */
    readonly environment: boolean;
  }[];
  readonly rows: { readonly train: Split; readonly test: Split } | null;
  readonly overlap: number | null;
}

export interface DataFindings {
  readonly findings: Findings;
  readonly prompts: PromptCounts | null;
}

/** @param reading or, in words, why nobody could read them */
export function checkData(
  experiment: Experiment,
  name: string,
  reading: DataReading | string,
): DataFindings {
  if (typeof reading === "string") {
    const concern = told(`the data cannot be checked: ${reading}`, null);
    return { findings: { ...nothingFound, warnings: [concern] }, prompts: null };
  }
  const { rows, overlap } = reading;
  // What is wrong with the policy is told of the policy.
  const problems = reading.problems.filter(({ key }) => !key?.startsWith("policy."));
  const concerns = (environment: boolean) =>
    problems
      .filter((one) => one.environment === environment)
      .map(({ message, key }) => told(message, key));
  if (rows === null || reading.problems.length > 0) {
    const findings = { checked: [], warnings: concerns(true), problems: concerns(false) };
    return { findings, prompts: null };
  }
  const { train, test } = rows;
  const cut = train.truncated + test.truncated;
  const lines = [
    name,
    `${train.kept} prompts for training (${train.good} good), ${test.kept} for tests (${test.good} good)`,
    ...(cut > 0 ? [`${cut} cut to rollout.prompt_tokens`] : []),
    ...(overlap !== null && overlap > 0 ? [`${overlap} test prompts are training prompts`] : []),
  ];
  return {
    findings: {
      checked: [{ what: "data", found: lines.join("; ") }],
      warnings: [],
      problems: nothingGood(experiment, train),
    },
    prompts: { train: train.kept, test: test.kept },
  };
}

/** The built-in prompts have neither columns nor classes: whoever names some meant other data. */
export function checkPlace({ data }: Experiment): Findings {
  const isBuiltin = data.path === "builtin" && data.hub === null && data.sources === null;
  const key = (["columns", "good"] as const).find((one) => data[one] !== null);
  if (!isBuiltin || key === undefined) return nothingFound;
  const problem = {
    arm: null,
    keys: ["data.path", `data.${key}`],
    found: `the built-in data with data.${key}, which they do not have`,
    expected: "the place of the data",
    remedy: "Name their file or folder (--set data.path=FILE), or set data.hub.",
  };
  return { ...nothingFound, problems: [problem] };
}

/** The worker's own sentence, which says what was expected. */
function told(message: string, key: string | null): Concern {
  const found = message.replace(/[.\s]+$/, "");
  return { arm: null, keys: [key ?? "data"], found, expected: "", remedy: "" };
}

function nothingGood(experiment: Experiment, train: Split): Concern[] {
  const finetunes = planTrials(experiment).some((trial) => trial.fineTunes);
  if (!finetunes || train.good > 0) return [];
  return [
    {
      arm: null,
      keys: ["data.good", "data.columns", "data.path"],
      found: `no row of the good class among ${train.rows} training rows`,
      expected: "texts that SFT can learn from",
      remedy: "Say which rows are good in data.good, or set sft.steps to 0.",
    },
  ];
}
