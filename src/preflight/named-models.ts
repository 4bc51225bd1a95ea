/** Every model that an experiment names, once each, with what is asked of it. */
import { isDeepStrictEqual } from "node:util";
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
  readonly kind: "language model" | "classifier";
  /** Folder in the worker's assets of the built-in one. */
  readonly builtin: string;
  /** Keys of its own settings; null: there is none. */
  readonly labelKey: string | null;
  readonly label: string | null;
  readonly trustRemoteCode: boolean;
}

export function namedModels(experiment: Experiment): NamedModel[] {
  const { evaluation } = experiment;
  const judge: NamedModel[] =
    evaluation.judge === null
      ? []
      : [
          {
            role: "judge",
            key: "evaluation.judge",
            arm: null,
            model: evaluation.judge,
            revision: null,
            kind: "classifier",
            builtin: "judge",
            labelKey: null,
            label: null,
            trustRemoteCode: false,
          },
        ];
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
        builtin: "language-model",
        labelKey: null,
        label: null,
        trustRemoteCode: trust_remote_code,
      };
    }),
    ...distinctOfArms(experiment, ({ reward }) => reward).map(([arm, { reward }]) => ({
      role: arm === null ? "reward" : `reward of ${arm}`,
      key: "reward.model",
      arm,
      model: reward.model,
      revision: reward.revision,
      kind: "classifier" as const,
      builtin: "reward",
      labelKey: "reward.label",
      label: reward.label,
      trustRemoteCode: reward.trust_remote_code,
    })),
    ...judge,
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
