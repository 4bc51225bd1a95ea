/** Every model that an experiment names, once each, with what is asked of it. */
import { isDeepStrictEqual } from "node:util";
import {
  componentKey,
  digestRole,
  judgeKey,
  namedJudges,
  rewardComponents,
  type ScorerConfig,
} from "../config/rewards/components.js";
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { policySource } from "../config/trials.js";

export interface NamedModel {
  /** As the summary calls it. */
  readonly role: string;
  /** Key of the configuration, without the arm: `reward.model`. */
  readonly key: string;
  /** Arm whose own it is; null: the experiment's. */
  readonly arm: string | null;
  /** builtin, an absolute folder, or a hub id. */
  readonly model: string;
  readonly revision: string | null;
  readonly kind: "language model" | "classifier" | "preference";
  /** Whether a scorer reads prompts as well; completions alone otherwise. */
  readonly readsPrompts: boolean;
  /** Folder in the worker's assets of the built-in one. */
  readonly builtin: string;
  /** Keys of its own settings; null: there is none. */
  readonly labelKey: string | null;
  /** Empty: the only one, or the second of two. */
  readonly labels: readonly string[];
  readonly trustRemoteCode: boolean;
}

export function namedModels(experiment: Experiment): NamedModel[] {
  const { evaluation } = experiment;
  return [
    ...distinctOfArms(experiment, (arm) => policySource(experiment, arm)).map(([arm, config]) => {
      const { model, revision, trust_remote_code } = policySource(experiment, config);
      return {
        role: arm === null ? "policy" : `policy of ${arm}`,
        key: "policy.model",
        arm,
        model,
        revision,
        kind: "language model" as const,
        readsPrompts: true,
        builtin: "language-model",
        labelKey: null,
        labels: [],
        trustRemoteCode: trust_remote_code,
      };
    }),
    ...distinctOfArms(experiment, ({ reward }) => reward).flatMap(([arm, { reward }]) => {
      const components = rewardComponents(reward);
      const of = arm === null ? "" : ` of ${arm}`;
      return components.flatMap((component, place) => {
        const role = `${digestRole("reward", component.name, components.length)}${of}`;
        return scoringModel(role, arm, component, (key) => componentKey(reward, place, key));
      });
    }),
    ...(evaluation.fluency === null
      ? []
      : [languageModel("fluency", "evaluation.fluency.model", null, evaluation.fluency)]),
    ...Object.entries(experiment.arms).flatMap(([arm, own]) => expertModels(arm, own)),
    ...namedJudges(evaluation.judges).flatMap((judge, place) => {
      const role = digestRole("judge", judge.name, evaluation.judges.length);
      return scoringModel(role, null, judge, (key) => judgeKey(place, key));
    }),
  ];
}

function expertModels(arm: string, { stage, decoding }: ArmConfig): NamedModel[] {
  if (stage !== "decode") return [];
  return (["expert", "anti_expert"] as const).flatMap((key) => {
    const model = decoding[key];
    const role = `${key.replace("_", "-")} of ${arm}`;
    const source = { revision: null, trust_remote_code: false };
    return model === null
      ? []
      : [languageModel(role, `decoding.${key}`, arm, { model, ...source })];
  });
}

function languageModel(
  role: string,
  key: string,
  arm: string | null,
  { model, revision, trust_remote_code }: NonNullable<Experiment["evaluation"]["fluency"]>,
): NamedModel {
  return {
    role,
    key,
    arm,
    model,
    revision,
    kind: "language model",
    builtin: "language-model",
    labelKey: null,
    labels: [],
    readsPrompts: true,
    trustRemoteCode: trust_remote_code,
  };
}

/** The model of a scorer; none where it scores without. */
function scoringModel(
  role: string,
  arm: string | null,
  { kind, text, model, revision, label, trust_remote_code }: ScorerConfig,
  keyOf: (key: string) => string,
): NamedModel[] {
  if (kind !== "classifier" && kind !== "preference") return [];
  return [
    {
      role,
      key: keyOf("model"),
      arm,
      model,
      revision,
      kind,
      readsPrompts: text === "whole",
      builtin: role.startsWith("judge") ? "judge" : "reward",
      labelKey: kind === "classifier" ? keyOf("label") : null,
      labels: label === null ? [] : [label].flat(),
      trustRemoteCode: trust_remote_code,
    },
  ];
}

/**
 * One arm for each different value of a section. The first one stands for the experiment where all
 * arms agree.
 */
export function distinctOfArms(
  { arms }: Experiment,
  part: (arm: ArmConfig) => unknown,
  applies: (arm: ArmConfig) => boolean = () => true,
): [arm: string | null, config: ArmConfig][] {
  const found: [string, ArmConfig][] = [];
  for (const [name, arm] of Object.entries(arms)) {
    const isKnown = found.some(([, other]) => isDeepStrictEqual(part(other), part(arm)));
    if (applies(arm) && !isKnown) found.push([name, arm]);
  }
  return found.length === 1 ? [[null, found[0]![1]]] : found;
}
