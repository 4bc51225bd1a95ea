/** The final policies of one run. */
import { isDeepStrictEqual } from "node:util";
import { isTree } from "../../config/key-path.js";
import {
  type ArmConfig,
  type Experiment,
  experimentSchema,
} from "../../config/schema/experiment.js";
import type { SweepPoint } from "../../config/schema/sweep.js";
import { planTrials, type Trial } from "../../config/trials.js";
import type { EvaluatedEvent } from "../../journal/events.js";
import { binnedMeans } from "../../stats/binned-means.js";
import { mean } from "../../stats/intervals.js";
import { canonicalJson } from "../../text/json.js";
import { riskRole } from "../arm-risk.js";
import { finalMetrics } from "../final-metrics.js";
import { tailPrompts } from "../metrics.js";
import type { RunFigures } from "../trial-figures.js";
import type { CurvePolicy, FinalPolicy } from "./policy-table.js";

/** A policy as curves are made of it, its trial and its final evaluation. */
interface Evaluated extends CurvePolicy {
  readonly trial: Trial;
  readonly final: EvaluatedEvent;
}

/** Of all reported trials that have a final evaluation. */
export function evaluatedPolicies(experiment: Experiment, figures: RunFigures): Evaluated[] {
  const { evaluation, sweep } = experiment;
  const fraction = evaluation.tail_fraction;
  const found = planTrials(experiment).flatMap((trial): Evaluated[] => {
    const own = figures.get(trial.id);
    if (!trial.reported || own === undefined || own.final === null) return [];
    const { arm, seed, config } = trial;
    const point = sweep.points.find((one) => one.arm === arm);
    return [
      {
        trial,
        final: own.final,
        curve: point === undefined ? arm : curveName(point),
        role: riskRole(config),
        seed,
        metrics: finalMetrics(own, fraction),
      },
    ];
  });
  const worst = new Map<number, ReadonlySet<number> | null>();
  for (const { trial, seed, final } of found) {
    if (trial.stage === "sft" && !worst.has(seed)) worst.set(seed, judgedWorst(final, fraction));
  }
  return found.map((one) => {
    const prompts = worst.get(one.seed) ?? null;
    const reward = prompts === null ? null : meanReward(one.final, prompts);
    const more = reward === null ? {} : { reward_judged_worst: reward };
    return { ...one, metrics: { ...one.metrics, ...more } };
  });
}

/**
 * Ids of the prompts whose completions the judge scores worst, a tail that the reward has no part in;
 * null: no judge scored them.
 */
function judgedWorst(
  { arrays }: Pick<EvaluatedEvent, "arrays">,
  fraction: number,
): ReadonlySet<number> | null {
  const { prompt, judge } = arrays;
  if (judge === null) return null;
  const judged = [...prompt.keys()].filter((at) => judge[at] !== null);
  if (judged.length === 0) return null;
  const scores = judged.map((at) => judge[at]!);
  return new Set(Array.from(tailPrompts(scores, fraction), (place) => prompt[judged[place]!]!));
}

/** Over the completions of these prompts that have a reward; null: none has. */
function meanReward(
  { arrays }: Pick<EvaluatedEvent, "arrays">,
  prompts: ReadonlySet<number>,
): number | null {
  const rewards = arrays.prompt.flatMap((id, at) =>
    prompts.has(id) ? (arrays.reward[at] ?? []) : [],
  );
  return rewards.length === 0 ? null : mean(rewards);
}

/** @param run name of its folder */
export function runPolicies(
  run: string,
  experiment: Experiment,
  figures: RunFigures,
): FinalPolicy[] {
  return evaluatedPolicies(experiment, figures).map(
    ({ trial: { id, config }, final, metrics, ...policy }) => ({
      run,
      trial: id,
      ...policy,
      beta: config.stage === "rl" ? config.kl.beta : null,
      settings: settingsText(experiment, config),
      metrics,
      by_prompt_score: byPromptScore(final),
    }),
  );
}

/** Whether a swept key moves a policy along its curve: β, or the target that β is adapted to. */
function leadsAlong(key: string): boolean {
  return /(^|\.)kl\.(beta|target)$/.test(key);
}

/** `ra-rlhf` · `ra-rlhf, risk.alpha 0.2`: the arm and its values of the keys that lead off the curve. */
export function curveName({ of, values }: Pick<SweepPoint, "of" | "values">): string {
  const others = Object.entries(values).filter(([key]) => !leadsAlong(key));
  return [
    of,
    ...others.map(([key, value]) => {
      const own = key.startsWith("arms.") ? key.split(".").slice(2).join(".") : key;
      return `${own} ${typeof value === "string" ? value : JSON.stringify(value)}`;
    }),
  ].join(", ");
}

/**
 * What is set other than the defaults, seed and β apart: a key that a later version adds, at its default,
 * makes no other settings.
 */
function settingsText({ sft }: Experiment, config: ArmConfig): string {
  const { beta: _, target: _target, ...kl } = config.kl;
  const set = { sft, ...config, kl };
  return canonicalJson(without(defaults, set));
}

const defaults = experimentSchema.parse({ name: "defaults" });

/** Of a section what is not as in the defaults; lists count as a whole. */
function without(defaults: unknown, value: unknown): unknown {
  if (!isTree(value) || !isTree(defaults)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, own]) => !isDeepStrictEqual(own, defaults[key]))
      .map(([key, own]) => [key, without(defaults[key], own)]),
  );
}

const parts = 10;

/** Means over the tenths of the prompts by their own score; of completions that have a reward. */
function byPromptScore({ arrays }: Pick<EvaluatedEvent, "arrays">): FinalPolicy["by_prompt_score"] {
  const { prompt_score, reward, kl, judge } = arrays;
  const known = [...reward.keys()].filter(
    (at) => prompt_score[at] !== null && reward[at] !== null && kl[at] !== null,
  );
  const of = (values: readonly (number | null)[]) => known.map((at) => values[at] ?? null);
  const scores = known.map((at) => prompt_score[at]!);
  const meansOf = (values: readonly (number | null)[]): (number | null)[] => {
    const means = binnedMeans(
      scores,
      values.map((value) => value ?? 0),
      parts,
    );
    const counted = binnedMeans(
      scores,
      values.map((value) => (value === null ? 0 : 1)),
      parts,
    );
    return means.map(({ y }, at) => (counted[at]!.y === 0 ? null : y / counted[at]!.y));
  };
  return {
    prompt_score: meansOf(scores),
    reward: meansOf(of(reward)),
    kl: meansOf(of(kl)),
    judge: judge === null ? null : meansOf(of(judge)),
  };
}
