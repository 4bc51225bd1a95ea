/** The keys of the learning algorithm that must fit together. */
import { algorithms, hasCritic, learningTerms } from "../risk/algorithms.js";
import { riskMeasures } from "../risk/measures/registry.js";
import { componentInForce, ranksByStatistic } from "../risk/terms.js";
import type { Violation } from "./problems.js";
import type { ArmConfig } from "./schema/experiment.js";

export function algorithmViolations(arm: ArmConfig): Violation[] {
  return [
    ...completionsViolations(arm),
    ...epochsViolations(arm),
    ...quantileViolations(arm),
    ...criticViolations(arm),
    ...klViolations(arm),
  ];
}

function completionsViolations({ training }: ArmConfig): Violation[] {
  const { algorithm, completions, batch } = training;
  const least = algorithms[algorithm].leastCompletions;
  if (completions < least) {
    const [fitting] = [8, 4, 2, 3, 5, 7].filter((n) => batch % n === 0 && n <= batch);
    return [
      {
        keys: ["training.completions", "training.algorithm"],
        found: `${completions} completion per prompt with the algorithm ${algorithm}`,
        expected: "at least 2: an episode is compared with the prompt's other completions",
        remedy:
          fitting === undefined
            ? "Set training.completions to 2 or more, and training.batch to a multiple of it."
            : `Set training.completions to ${fitting}, say, or training.algorithm to ppo or reinforce.`,
      },
    ];
  }
  if (batch % completions !== 0) {
    const fewer = batch - (batch % completions);
    const batches = either([...(fewer > 0 ? [fewer] : []), fewer + completions]);
    const groups = either(neighbours(completions, least, batch));
    return [
      {
        keys: ["training.completions", "training.batch"],
        found: `a batch of ${batch} episodes with ${completions} completions per prompt`,
        expected: "a batch of whole groups: a multiple of training.completions",
        remedy:
          `Set training.batch to ${batches}` +
          (groups === "" ? "." : `, or training.completions to ${groups}.`),
      },
    ];
  }
  if (algorithm === "reinforce" && batch < 2) {
    return [
      {
        keys: ["training.batch", "training.algorithm"],
        found: "a batch of 1 episode with the algorithm reinforce",
        expected: "at least 2: an episode is compared with the others of its batch",
        remedy: "Raise training.batch.",
      },
    ];
  }
  return [];
}

/** Log-likelihood of completions that are no longer the policy's own is weighted by the ratio. */
function epochsViolations({ training }: ArmConfig): Violation[] {
  const { algorithm, epochs } = training;
  if (algorithm !== "raft" || epochs === 1) return [];
  return [
    {
      keys: ["training.epochs", "training.algorithm"],
      found: `${epochs} epochs with the algorithm raft`,
      expected: "1: it fine-tunes on completions of the policy as it is",
      remedy: "Set training.epochs to 1.",
    },
  ];
}

/** What was sampled after one text is learned after another. */
function quantileViolations(arm: ArmConfig): Violation[] {
  const { algorithm, batch, quantiles } = arm.training;
  if (algorithm !== "quark") return [];
  return [
    ...(learningTerms(arm).klForm === "loss" && arm.kl.loss !== "exact"
      ? [
          {
            keys: ["kl.loss", "training.algorithm"],
            found: `the estimate ${arm.kl.loss} of the KL loss with the algorithm quark`,
            expected:
              "exact: the tokens were sampled after another text than they are learned after",
            remedy: "Set kl.loss to exact, or kl.form to return.",
          },
        ]
      : []),
    ...(batch < quantiles
      ? [
          {
            keys: ["training.quantiles", "training.batch"],
            found: `${quantiles} quantiles of a batch of ${batch} episodes`,
            expected: "at least one episode in each",
            remedy: `Raise training.batch to ${quantiles} or lower training.quantiles.`,
          },
        ]
      : []),
  ];
}

/** The divisors of the batch next to `wanted`, on either side. */
function neighbours(wanted: number, least: number, batch: number): number[] {
  const divides = (n: number) => batch % n === 0;
  const below = Array.from({ length: wanted - 1 }, (_, i) => wanted - 1 - i);
  const above = Array.from({ length: Math.max(0, batch - wanted) }, (_, i) => wanted + 1 + i);
  return [below.find((n) => n >= least && divides(n)), above.find(divides)].filter(
    (n) => n !== undefined,
  );
}

function either(numbers: readonly number[]): string {
  return numbers.join(" or ");
}

/** What only a value head can answer. */
function criticViolations({ training, risk }: ArmConfig): Violation[] {
  const { algorithm, prefix_baseline, whiten } = training;
  if (hasCritic(algorithm)) return [];
  return [
    ...(ranksByStatistic(risk) && risk.statistic === "lambda-return"
      ? [
          {
            keys: ["risk.statistic", "training.algorithm"],
            found: `the statistic lambda-return with the algorithm ${algorithm}, which has no critic`,
            expected: "a statistic that needs no value head: return, reward or prompt-score",
            remedy: "Set risk.statistic to return, or training.algorithm to ppo.",
          },
        ]
      : []),
    ...(whiten === "batch"
      ? [
          {
            keys: ["training.whiten", "training.algorithm"],
            found: `whiten batch with the algorithm ${algorithm}, whose advantages are not whitened`,
            expected: "whitening over the batch with ppo alone",
            remedy: "Leave training.whiten out, or set training.algorithm to ppo.",
          },
        ]
      : []),
    ...(prefix_baseline
      ? [
          {
            keys: ["training.prefix_baseline", "training.algorithm"],
            found: `prefix_baseline with the algorithm ${algorithm}, which has no critic`,
            expected: "a prefix baseline with ppo alone",
            remedy: "Set training.prefix_baseline to false, or training.algorithm to ppo.",
          },
        ]
      : []),
  ];
}

function klViolations(arm: ArmConfig): Violation[] {
  return learningTerms(arm).klForm === "loss"
    ? [...populationViolations(arm), ...unitViolations(arm)]
    : [];
}

/** β in units of the reward is divided by the one number that all advantages are divided by. */
function unitViolations(arm: ArmConfig): Violation[] {
  const found = arm.kl.unit === "reward" ? scaledApart(arm) : null;
  if (found === null) return [];
  return [
    {
      keys: ["kl.unit", "training.algorithm", "training.scale_rewards"],
      found: `the KL loss in units of the reward with ${found.what}`,
      expected:
        "advantages in units of the reward, or all divided by one number: ppo, rloo, reinforce, grpo without scale",
      remedy: `Set kl.unit to advantage${found.other}.`,
    },
  ];
}

/** Advantages that no one number brings back to units of the reward; null: there is one. */
function scaledApart({
  training,
  risk,
}: ArmConfig): { readonly what: string; readonly other: string } | null {
  const { algorithm, scale_rewards } = training;
  if (algorithm === "raft" || algorithm === "quark") {
    return { what: `the algorithm ${algorithm}, whose advantages are 0 and 1`, other: "" };
  }
  if (algorithm !== "grpo" || scale_rewards === "none") return null;
  const acts = componentInForce(risk) !== null && risk.measure !== "mean";
  const isSigned = riskMeasures[risk.measure].answers === "advantages";
  const other = ", or training.scale_rewards to none";
  if (!acts && (isSigned || scale_rewards === "batch")) return null;
  return scale_rewards === "group"
    ? { what: "grpo's advantages, each divided by the deviation of its own prompt", other }
    : { what: "grpo's advantages of two parts of the reward, each divided by its own", other };
}

function populationViolations(arm: ArmConfig): Violation[] {
  if (arm.kl.population !== "kept-over-batch") return [];
  return [
    {
      keys: ["kl.population", "kl.form"],
      found: "the population kept-over-batch with the KL in the loss",
      expected: "kept or batch: a KL loss is on every episode, dropped ones too",
      remedy: "Leave kl.population out, or set kl.form to return.",
    },
  ];
}
