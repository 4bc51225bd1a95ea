/** Whether two arms' figures are on one scale: what fixes it, and what differs. */
import { isDeepStrictEqual } from "node:util";
import { type RewardConfig, rewardComponents } from "../config/rewards/components.js";
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";

/** Configuration key, or what a record tells beside it → what it is. */
export type Scale = Readonly<Record<string, unknown>>;

/** Iterations: two arms that differ in nothing else can be compared at equal KL or trained tokens. */
export const iterationsKey = "training.iterations";

/** What shapes training alone: figures are of the raw reward. */
const trainingOnly: ReadonlySet<string> = new Set([
  "reward.transform",
  "reward.scale",
  "reward.threshold",
  "reward.normalize",
  "reward.baseline",
  "reward.timeout_seconds",
  "reward.retries",
  "reward.max_failed_fraction",
  "rollout.minibatch",
]);

/** How evaluations are spread over a run, and what is kept of them: not what they measure. */
const notMeasured: ReadonlySet<string> = new Set([
  "evaluation.every",
  "evaluation.every_prompts",
  "evaluation.samples",
  "evaluation.headline",
  "evaluation.certificates",
]);

/** Whatever is added to these sections counts, unless it is named above. */
export function scaleOf(experiment: Experiment, arm: string): Scale {
  const { reward, rollout, training, stage } = experiment.arms[arm] as ArmConfig;
  const { data, evaluation } = experiment;
  const keys = [
    ...rewardKeys(reward),
    ...Object.entries({ rollout, data, evaluation }).flatMap(([section, own]) =>
      Object.entries(own).map(([key, value]): [string, unknown] => [`${section}.${key}`, value]),
    ),
  ];
  return {
    ...Object.fromEntries(keys.filter(([key]) => !trainingOnly.has(key) && !notMeasured.has(key))),
    ...(stage === "rl" ? { [iterationsKey]: training.iterations } : {}),
  };
}

/** Of several components by their names, `reward.length.unit`: the order plays no part. */
function rewardKeys(reward: RewardConfig): [string, unknown][] {
  const components = rewardComponents(reward);
  return components.flatMap(({ name, ...component }) =>
    Object.entries(component).flatMap(([key, value]): [string, unknown][] => {
      const path = components.length === 1 ? `reward.${key}` : `reward.${name}.${key}`;
      return trainingOnly.has(`reward.${key}`) ? [] : [[path, value]];
    }),
  );
}

export interface ScaleDifference {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Where both have the key: an arm that is not trained has no iterations to differ in. */
export function scaleDifferences(a: Scale, b: Scale): ScaleDifference[] {
  return Object.keys(a).flatMap((key) =>
    key in b && !isDeepStrictEqual(a[key], b[key]) ? [{ key, a: a[key], b: b[key] }] : [],
  );
}
