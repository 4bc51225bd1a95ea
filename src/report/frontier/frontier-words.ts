/** What a frontier over β is of, and how its differences are read. */
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import { curveNames, type PolicyTable } from "../../analysis/equal-kl/policy-table.js";
import type { CurveDifference } from "../../analysis/evaluation.js";

/** `42 policies of 6 arms, seeds 100 and 101` */
export function policyWords({ policies }: PolicyTable): string {
  const arms = curveNames(policies).length;
  const seeds = [...new Set(policies.map(({ seed }) => seed))].sort((a, b) => a - b);
  return (
    `${policies.length} ${policies.length === 1 ? "policy" : "policies"} of ${arms} ` +
    `${arms === 1 ? "arm" : "arms"}, ${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`
  );
}

/** How to read the table of differences. */
export function readingWords(differences: readonly CurveDifference[]): string[] {
  const seeds = Math.min(...differences.map((row) => row.seeds));
  return [
    "Curves of final policies over β, one for each seed, joined by straight lines; the difference is the " +
      "mean over the KL that all curves of both arms cover, paired by seed.",
    seeds < seedsToDecide
      ? `With fewer than ${seedsToDecide} seeds these are directions and decide nothing.`
      : `In brackets 95 % intervals over seeds; p after Holm over the table, * where under ${decisionLevel}; ` +
        "last, how many of the seeds have the difference's sign.",
  ];
}
