/** Whether there are prompts enough for the parts that a sampler draws from. */
import type { Experiment } from "../config/schema/experiment.js";
import type { PromptCounts } from "./check-evaluation.js";
import { type Concern, type Findings, nothingFound } from "./findings.js";

/** @param prompts null: not known before the worker reads them, which refuses then */
export function checkSampling({ arms }: Experiment, prompts: PromptCounts | null): Findings {
  if (prompts === null) return nothingFound;
  const problems = Object.entries(arms).flatMap(([arm, { stage, sampling }]): Concern[] => {
    const { strategy, strata } = sampling;
    if (stage !== "rl" || strategy !== "cross-entropy" || strata <= prompts.train) return [];
    return [
      {
        arm,
        keys: ["sampling.strata", "sampling.strategy"],
        found: `${strata} strata of ${prompts.train} training prompts`,
        expected: "at least one prompt in each",
        remedy: `Lower sampling.strata to at most ${prompts.train}.`,
      },
    ];
  });
  return { ...nothingFound, problems };
}
