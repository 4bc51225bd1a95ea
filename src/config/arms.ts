/** Arms known by name: what each changes of the experiment's own sections. */

import { z } from "zod";
import { riskMeasures } from "../risk/measures/registry.js";
import type { ArmPreset } from "./baselines/arm-preset.js";
import { bestOfN } from "./baselines/best-of-n.js";
import { dexperts } from "./baselines/dexperts.js";
import { lagrangian } from "./baselines/lagrangian.js";
import { prompted } from "./baselines/prompted.js";
import { quark } from "./baselines/quark.js";
import { raft } from "./baselines/raft.js";
import { isIndex, isTree, merged, type Tree } from "./key-path.js";
import type { ConfigProblem } from "./problems.js";
import { listSections } from "./reference.js";
import { type ArmConfig, armSections } from "./schema/experiment.js";
import { type Places, schemaProblems } from "./schema-problems.js";

const klAsLoss = { form: "loss", loss: "exact", unit: "reward" } as const;
const hardPrompts = { risk: { measure: "mean" }, sampling: { strategy: "stratified" } } as const;

export const armPresets: Readonly<Record<string, ArmPreset>> = {
  base: { stage: "base", changes: {}, description: "the model as loaded, evaluated only" },
  sft: { stage: "sft", changes: {}, description: "after supervised fine-tuning on the good class" },
  rlhf: {
    stage: "rl",
    changes: { risk: { measure: "mean" } },
    description: `SFT, then PPO that ${riskMeasures.mean.words.description}: risk-neutral`,
  },
  // The experiment's own `risk` section (cvar by default), so that `--set risk.measure=…` reaches it.
  "ra-rlhf": {
    stage: "rl",
    changes: {},
    description: "SFT, then risk-averse PPO with the experiment's risk measure",
  },
  "ra-rlhf-paper": {
    stage: "rl",
    // Each key and what it changes: docs/algorithms.md, "As the paper's published code does it".
    changes: {
      risk: { measure: "cvar", statistic: "lambda-return", ties: "kept" },
      kl: { form: "return", population: "kept-over-batch" },
      training: { algorithm: "ppo", steps: "fixed", whiten: "kept" },
    },
    description: "SFT, then risk-averse PPO in the details of the paper's published code",
  },
  // Estimates the same tail from batches that hold more of it.
  "ra-rlhf-ce": {
    stage: "rl",
    changes: { sampling: { strategy: "cross-entropy" } },
    description: "ra-rlhf with the cross-entropy sampler: importance weights undo its mix",
  },
  // Sections alone, so that the experiment's fractions, β and so on reach them.
  hard: {
    stage: "rl",
    changes: hardPrompts,
    description: "SFT, then PPO on every episode, with more hard prompts in each batch",
  },
  "hard-kl": {
    stage: "rl",
    changes: { ...hardPrompts, kl: { ...klAsLoss, weights: "natural" } },
    description: "hard, with the KL as a loss that is weighted back to the data's mix of prompts",
  },
  "kl-loss": {
    stage: "rl",
    changes: { risk: { measure: "mean" }, kl: klAsLoss },
    description: "rlhf, with the KL as the loss that hard-kl has: risk-neutral, its control",
  },
  "random-drop": {
    stage: "rl",
    changes: { risk: { measure: "random-drop" } },
    description: `SFT, then PPO that ${riskMeasures["random-drop"].words.description}`,
  },
  raft,
  quark,
  lagrangian,
  "best-of-n": bestOfN,
  prompted,
  dexperts,
};

const armSchema = z.strictObject(armSections);

export interface ResolvedArms {
  readonly arms: Readonly<Record<string, ArmConfig>>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Each arm's full configuration: the experiment's sections, the preset's, then its own changes.
 *
 * @param sections the experiment's sections as checked, with defaults
 * @param changes arm → the keys that it changes
 */
export function resolveArms(
  sections: Tree,
  changes: Readonly<Record<string, Tree>>,
  places: Places,
): ResolvedArms {
  const shared = Object.fromEntries(Object.keys(armSections).map((name) => [name, sections[name]]));
  const arms: Record<string, ArmConfig> = {};
  const problems: ConfigProblem[] = [];
  for (const [arm, own] of Object.entries(changes)) {
    const preset = Object.hasOwn(armPresets, arm) ? armPresets[arm] : undefined;
    const misfit = rewardMisfit(own.reward, shared.reward);
    if (misfit !== null) {
      const path = ["arms", arm, "reward"];
      problems.push({ ...misfit, place: places.of(path), key: path.join(".") });
      continue;
    }
    const stage = preset?.stage ?? (own.decoding === undefined ? "rl" : "decode");
    if (stage !== "decode" && own.decoding !== undefined) {
      const path = ["arms", arm, "decoding"];
      problems.push({
        place: places.ofKey(path),
        key: path.join("."),
        found: `decoding of the arm ${arm}, which ${stage === "rl" ? "trains" : "is evaluated as it is"}`,
        expected: "decoding of an arm that trains nothing: an arm of another name",
        remedy: "Leave it out, or give those keys to an arm of their own.",
      });
      continue;
    }
    const { reward, ...others } = shared;
    const base = replacesReward(own.reward, reward) ? others : shared;
    const tree = merged(merged(base, preset?.changes ?? {}), onlySections(own));
    const result = armSchema.safeParse(tree);
    if (result.success) arms[arm] = { stage, ...result.data };
    else problems.push(...schemaProblems(result.error.issues, tree, places, ["arms", arm]));
  }
  return { arms, problems };
}

/** Sections that are no maps were refused already and would only be refused a second time. */
function onlySections(own: Tree): Tree {
  return Object.fromEntries(
    Object.entries(own).filter(
      ([name, value]) =>
        Object.hasOwn(armSections, name) &&
        (isTree(value) || (listSections.includes(name) && Array.isArray(value))),
    ),
  );
}

/**
 * Whether an arm's component takes the place of the experiment's reward: one of another kind, whose
 * keys have nothing to do with it, or any where that is a list. All else changes its keys.
 */
function replacesReward(own: unknown, shared: unknown): boolean {
  if (!isTree(own) || own.kind === undefined) return false;
  return !isTree(shared) || own.kind !== shared.kind;
}

/** Keys that change one component of a list must say which. */
function rewardMisfit(
  own: unknown,
  shared: unknown,
): Pick<ConfigProblem, "found" | "expected" | "remedy"> | null {
  if (!isTree(own) || !Array.isArray(shared) || replacesReward(own, shared)) return null;
  const keys = Object.keys(own);
  if (keys.length > 0 && keys.every((key) => isIndex(key) && Number(key) < shared.length)) {
    return null;
  }
  return {
    found: "keys of one component, of an experiment whose `reward` is a list",
    expected: `a list, a component with its \`kind\`, or keys by place, 0 to ${shared.length - 1}`,
    remedy: "Write the whole list, or for example `reward: {0: {weight: 2}}`.",
  };
}
