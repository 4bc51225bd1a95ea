/** Whether the prompts there are suffice for batches and evaluations, and their tails. */
import type { Experiment } from "../config/schema/experiment.js";
import { learningTerms } from "../risk/algorithms.js";
import { tailCount } from "../risk/tail.js";
import type { Concern, Findings } from "./findings.js";
import { distinctOfArms } from "./named-models.js";

/** Prompts of each split; null: not known before the worker reads them. */
export interface PromptCounts {
  readonly train: number;
  readonly test: number;
}

/** A mean over fewer prompts is mostly noise. */
const fewestInTail = 10;

export function checkEvaluation(experiment: Experiment, prompts: PromptCounts | null): Findings {
  const { evaluation } = experiment;
  const warnings: Concern[] = [];
  const own = (keys: string[], found: string, expected: string, remedy: string) =>
    warnings.push({ arm: null, keys, found, expected, remedy });
  const final = Math.min(evaluation.prompts, prompts?.test ?? evaluation.prompts);
  if (prompts !== null && prompts.test < evaluation.prompts) {
    own(
      ["evaluation.prompts", "data.path"],
      `${evaluation.prompts} prompts for the final evaluation`,
      `at most the ${prompts.test} test prompts that the data has`,
      `Every test prompt is used once; set evaluation.prompts to ${prompts.test} to say so.`,
    );
  }
  const tail = tailCount(final, evaluation.tail_fraction);
  const ofData = prompts !== null && prompts.test * evaluation.tail_fraction < fewestInTail;
  if (tail < fewestInTail) own(...fewInTail("evaluation.prompts", final, tail, experiment, ofData));
  if (evaluation.every > 0) {
    const every = Math.min(evaluation.every_prompts, final);
    const count = tailCount(every, evaluation.tail_fraction);
    if (count < fewestInTail) {
      own(...fewInTail("evaluation.every_prompts", every, count, experiment, ofData));
    }
  }
  warnings.push(...smallTrainSets(experiment, prompts));
  return {
    checked: [{ what: "evaluation", found: `${final} test prompts, ${tail} of them in the tail` }],
    warnings,
    problems: unscored(experiment),
  };
}

function fewInTail(
  key: string,
  prompts: number,
  tail: number,
  { evaluation }: Experiment,
  ofData: boolean,
): [keys: string[], found: string, expected: string, remedy: string] {
  return [
    [key, "evaluation.tail_fraction"],
    `a tail of ${tail} of ${prompts} test prompts`,
    `at least ${fewestInTail}: the mean over fewer says little`,
    ofData
      ? "Add test data, or raise evaluation.tail_fraction."
      : `Raise ${key} to ${Math.ceil(fewestInTail / evaluation.tail_fraction)} or evaluation.tail_fraction.`,
  ];
}

function smallTrainSets(experiment: Experiment, prompts: PromptCounts | null): Concern[] {
  if (prompts === null) return [];
  const batches = distinctOfArms(
    experiment,
    (arm) => learningTerms(arm).prompts,
    ({ stage }) => stage === "rl",
  );
  return batches.flatMap(([name, arm]): Concern[] => {
    const drawn = learningTerms(arm).prompts;
    if (prompts.train >= drawn) return [];
    return [
      {
        arm: name,
        keys: ["training.batch", "data.path"],
        found: `a batch of ${drawn} prompts`,
        expected: `at most the ${prompts.train} training prompts that the data has`,
        remedy: "Prompts repeat within a batch; lower training.batch or add data.",
      },
    ];
  });
}

/** Checkpoints cannot be kept by the score of a judge that there is not. */
function unscored({ checkpoint, evaluation }: Experiment): Concern[] {
  const best = checkpoint.keep_best;
  const needsJudge = best === "judge_reward" || best === "judge_tail";
  if (!needsJudge || evaluation.judges.length > 0) return [];
  return [
    {
      arm: null,
      keys: ["checkpoint.keep_best", "evaluation.judges"],
      found: `keep_best ${best} without a judge`,
      expected: "a judge that scores the evaluations",
      remedy: "Name one in evaluation.judge, or keep the best by another figure.",
    },
  ];
}
