/** What no reward can lie under, by what its components' scores are. */
import type { Violation } from "../problems.js";
import type { ArmConfig, Experiment } from "../schema/experiment.js";
import { type RewardComponent, type RewardConfig, rewardComponents } from "./components.js";

type Certificates = Experiment["evaluation"]["certificates"];

/**
 * The lowest raw reward Σ weight · score that there can be.
 *
 * @returns null: it is not known, or there is none
 */
export function lowestReward(reward: RewardConfig): number | null {
  const lowest = rewardComponents(reward).reduce((sum, component) => {
    const { weight } = component;
    return weight === 0 ? sum : sum + weight * lowestScore(component);
  }, 0);
  return Number.isFinite(lowest) ? lowest : null;
}

/** With the sign in it; −∞: not known. */
function lowestScore({ kind, output, target, sign }: RewardComponent): number {
  const nothing = Number.NEGATIVE_INFINITY;
  switch (kind) {
    case "classifier":
      return output !== "probability" ? nothing : sign > 0 ? 0 : -1;
    case "lexicon":
      return sign > 0 ? 0 : nothing;
    case "length":
      // Minus a distance with a target, else a number of words or the like.
      return (target === null) === sign > 0 ? 0 : nothing;
    case "preference":
    case "python":
    case "http":
      return nothing;
  }
}

/** The lower bound that an arm's CVaR is certified with; null: there is none. */
export function certifiedLower({ lower }: Certificates, reward: RewardConfig): number | null {
  return lower === "auto" ? lowestReward(reward) : lower;
}

/** A stated bound that rewards are known to go under would certify what is not so. */
export function certificateViolations(
  { lower }: Certificates,
  arms: Readonly<Record<string, ArmConfig>>,
): Violation[] {
  if (lower === "auto" || lower === null) return [];
  const under = Object.entries(arms).flatMap(([arm, { reward }]) => {
    const lowest = lowestReward(reward);
    return lowest !== null && lowest < lower ? [{ arm, lowest }] : [];
  });
  const [first] = under;
  if (first === undefined) return [];
  return [
    {
      keys: ["evaluation.certificates.lower"],
      found: `${lower}, and a reward of the arm ${first.arm} that can be as low as ${first.lowest}`,
      expected: `at most ${Math.min(...under.map(({ lowest }) => lowest))}, or auto`,
      remedy: "Leave evaluation.certificates.lower at auto: it follows from this reward.",
    },
  ];
}
