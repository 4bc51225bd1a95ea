/** The keys of the prompt sampler that must fit together. */
import { learningTerms } from "../risk/algorithms.js";
import { riskMeasures } from "../risk/measures/registry.js";
import { promptSamplers, weighsImportance } from "../risk/samplers/registry.js";
import type { Violation } from "./problems.js";
import type { ArmConfig } from "./schema/experiment.js";

export function samplingViolations(arm: ArmConfig): Violation[] {
  return [
    ...hardPartViolations(arm),
    ...mixViolations(arm),
    ...rankViolations(arm),
    ...importanceViolations(arm),
  ];
}

/** Prompts per batch that `batch_fraction` is of; null: the strategy does not read it. */
function hardPrompts(arm: ArmConfig): { readonly hard: number; readonly prompts: number } | null {
  const { strategy, batch_fraction } = arm.sampling;
  if (strategy !== "stratified" && strategy !== "replay") return null;
  const { prompts } = learningTerms(arm);
  return { hard: Math.round(batch_fraction * prompts), prompts };
}

function hardPartViolations(arm: ArmConfig): Violation[] {
  const part = hardPrompts(arm);
  if (part === null) return [];
  const { strategy, batch_fraction } = arm.sampling;
  const { hard, prompts } = part;
  const found = `a batch_fraction of ${batch_fraction}, which is ${hard} of ${prompts} prompts`;
  if (hard < 1) {
    return [
      {
        keys: ["sampling.batch_fraction", "training.batch"],
        found,
        expected: `at least 1 hard prompt per batch with the strategy ${strategy}`,
        remedy: "Raise sampling.batch_fraction, or set sampling.strategy to uniform.",
      },
    ];
  }
  if (strategy === "replay" && hard === prompts) {
    return [
      {
        keys: ["sampling.batch_fraction", "training.batch"],
        found,
        expected: "at least 1 prompt per batch from all prompts: replay finds tail prompts there",
        remedy: "Lower sampling.batch_fraction.",
      },
    ];
  }
  return [];
}

/** Prompts that are never drawn cannot be weighted up. */
function mixViolations(arm: ArmConfig): Violation[] {
  const part = arm.sampling.strategy === "stratified" ? hardPrompts(arm) : null;
  if (part === null || part.hard < part.prompts) return [];
  const violation = (key: string, what: string, remedy: string): Violation => ({
    keys: [key, "sampling.batch_fraction"],
    found: `${what} over the natural mix of prompts, of batches with hard prompts alone`,
    expected: "at least one prompt per batch from outside the hard stratum",
    remedy: `Lower sampling.batch_fraction, or set ${remedy}.`,
  });
  const { klForm } = learningTerms(arm);
  return [
    ...(klForm === "loss" && arm.kl.weights !== "sampled"
      ? [violation("kl.weights", "a KL loss", "kl.weights to sampled")]
      : []),
    ...(weighsImportance(arm.sampling)
      ? [violation("sampling.importance", "a tail", "sampling.importance to off")]
      : []),
  ];
}

/** Natural weights that do not follow from prompt scores cannot be smoothed over their rank. */
function rankViolations(arm: ArmConfig): Violation[] {
  const { strategy } = arm.sampling;
  const { needsScores, drawsHardMore } = promptSamplers[strategy];
  const smooths = learningTerms(arm).klForm === "loss" && arm.kl.weights === "smooth";
  if (!smooths || needsScores || !drawsHardMore) return [];
  return [
    {
      keys: ["kl.weights", "sampling.strategy"],
      found: `kl.weights smooth with the strategy ${strategy}, which does not go by prompt scores`,
      expected: "a strategy with strata of the prompt score: stratified or cross-entropy",
      remedy: "Set kl.weights to natural, sqrt or sampled, or choose another sampling.strategy.",
    },
  ];
}

function importanceViolations({ sampling, risk }: ArmConfig): Violation[] {
  if (!weighsImportance(sampling)) return [];
  if (sampling.strategy === "uniform") {
    return [
      {
        keys: ["sampling.importance", "sampling.strategy"],
        found: "importance weights with the strategy uniform, where every one of them is 1",
        expected: "another strategy, or no importance weights",
        remedy: "Leave sampling.importance out, or set sampling.strategy.",
      },
    ];
  }
  const { takesImportance, words } = riskMeasures[risk.measure];
  if (takesImportance === true) return [];
  return [
    {
      keys: ["sampling.importance", "sampling.strategy", "risk.measure"],
      found: `importance weights (strategy ${sampling.strategy}) with the measure ${risk.measure}`,
      expected: `importance off: the rule of ${words.label} is not defined for weighted episodes`,
      remedy: "Set sampling.importance to off, or choose another risk.measure.",
    },
  ];
}
