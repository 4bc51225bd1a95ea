/** Every batch quantity of an arm in one table, each with its unit: what "batch" can mean, said. */

import { fineTunes } from "../config/fine-tuning.js";
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { learningTerms } from "../risk/algorithms.js";
import { annealings } from "../risk/annealing/registry.js";
import { plannedAlpha } from "../risk/annealing/schedule.js";
import { anchorCount } from "../risk/kl-weights.js";
import { ranksEpisodes, riskMeasures } from "../risk/measures/registry.js";
import { tailEpisodes } from "../risk/populations.js";
import { weighsImportance } from "../risk/samplers/registry.js";
import { populationInForce } from "../risk/terms.js";

export interface Quantity {
  name: string;
  value: number;
  unit: string;
  /** `at most`: texts end early, rewards fail, or a measure drops more episodes than its fraction. */
  bound: "exact" | "at most";
}

export function batchQuantities(experiment: Experiment, arm: ArmConfig): Quantity[] {
  const evaluation = evaluationRows(experiment);
  switch (arm.stage) {
    case "base":
      return evaluation;
    case "sft":
    case "decode":
      return [...sftRows(experiment), ...evaluation];
    case "rl":
      return [...sftRows(experiment), ...trainingRows(arm), ...evaluation];
  }
}

function trainingRows(arm: ArmConfig): Quantity[] {
  const { rollout, training, risk } = arm;
  const { batch, epochs, iterations } = training;
  const { prompts, completions, stepsPerEpoch } = learningTerms(arm);
  // By importance weights the tail is now more episodes, now fewer.
  const any = weighsImportance(arm.sampling) && ranksEpisodes(risk.measure);
  const whole: KeptRange = { kept: batch, bound: "at most" };
  const start = any ? whole : keptRange(risk, training, 0);
  const end = any ? whole : keptRange(risk, training, iterations - 1);
  const steps = (kept: number) => stepsPerEpoch ?? Math.ceil(kept / training.minibatch);
  const rows = (when: string, range: KeptRange): Quantity[] => {
    const taking = takingPart(arm, range);
    return [
      {
        name: `kept_${when}`,
        value: range.kept,
        unit: "episodes per iteration",
        bound: range.bound,
      },
      {
        name: `gradient_steps_${when}`,
        value: epochs * steps(taking.kept),
        unit: "gradient steps per iteration",
        bound: stepsPerEpoch === null ? taking.bound : "exact",
      },
      atMost(
        `trained_tokens_${when}`,
        // Fewer episodes than steps are gone through again.
        epochs * Math.max(taking.kept, stepsPerEpoch ?? 0) * rollout.new_tokens,
        "tokens per iteration",
      ),
    ];
  };
  return [
    exact("iterations", iterations, "iterations per trial"),
    exact("prompts", prompts, "prompts per iteration"),
    exact("episodes_per_prompt", completions, "episodes per prompt drawn"),
    exact("episodes", batch, "episodes per iteration"),
    exact("episodes_total", batch * iterations, "episodes per trial"),
    exact("sampled_at_once", rollout.minibatch || batch, "episodes a forward pass of sampling"),
    atMost("prompt_tokens", rollout.prompt_tokens, "tokens per prompt"),
    atMost("new_tokens", rollout.new_tokens, "tokens per episode"),
    atMost("generated_tokens", batch * rollout.new_tokens, "tokens per iteration"),
    exact("epochs", epochs, "epochs over the kept episodes"),
    atMost("minibatch", training.minibatch, "episodes per gradient step"),
    ...rows("at_start", start),
    ...rows("at_end", end),
  ];
}

interface KeptRange {
  readonly kept: number;
  readonly bound: Quantity["bound"];
}

/** Episodes of weight > 0 at step m when every reward is there. */
function keptRange(
  risk: ArmConfig["risk"],
  { batch, completions, iterations }: ArmConfig["training"],
  step: number,
): KeptRange {
  const population = populationInForce(risk);
  const { episodes, bound } = riskMeasures[risk.measure].trainsOn(risk, population);
  if (episodes === "all") {
    return { kept: batch, bound };
  }
  if (annealings[risk.annealing].follows === "signals" && step > risk.warmup) {
    return { kept: batch, bound: "at most" };
  }
  const alpha = plannedAlpha(risk, step, iterations);
  return { kept: tailEpisodes(alpha, population, { batch, completions }), bound };
}

/** A KL loss is on every episode, or on a fraction of those that the measure drops; without a critic an advantage of 0 leaves an episode out. */
function takingPart(arm: ArmConfig, range: KeptRange): KeptRange {
  const { algorithm, klForm, advantages, prompts } = learningTerms(arm);
  if (klForm === "loss" && weighsKl(arm.kl)) {
    const { batch } = arm.training;
    const kept = range.kept + anchorCount(batch - range.kept, arm.kl.anchors);
    return { kept, bound: arm.kl.anchors === 1 ? "exact" : "at most" };
  }
  if (algorithm === "raft") {
    return { kept: Math.min(range.kept, prompts), bound: "at most" };
  }
  return advantages === null ? range : { ...range, bound: "at most" };
}

/** β is over 0 from the start, or from a stage on. */
function weighsKl({ beta, schedule }: ArmConfig["kl"]): boolean {
  return beta > 0 || schedule.some((stage) => (stage.beta ?? 0) > 0);
}

function sftRows({ sft }: Experiment): Quantity[] {
  return !fineTunes(sft)
    ? []
    : [
        sft.epochs === null
          ? exact("sft_steps", sft.steps, "gradient steps")
          : atMost("sft_epochs", sft.epochs, "passes over the good class"),
        exact("sft_batch", sft.batch, "texts per gradient step"),
        atMost("sft_tokens", sft.max_tokens, "tokens per text"),
      ];
}

function evaluationRows({ evaluation }: Experiment): Quantity[] {
  const { prompts, every, every_prompts } = evaluation;
  return [
    atMost("evaluation_prompts", prompts, "test prompts of the final evaluation"),
    ...(every === 0
      ? []
      : [atMost("frontier_prompts", every_prompts, "test prompts of an evaluation on the way")]),
  ];
}

function exact(name: string, value: number, unit: string): Quantity {
  return { name, value, unit, bound: "exact" };
}

function atMost(name: string, value: number, unit: string): Quantity {
  return { name, value, unit, bound: "at most" };
}
