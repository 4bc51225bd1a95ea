/** What no single key can get wrong alone: the keys of an experiment that must fit together. */

import { isDeepStrictEqual } from "node:util";
import { riskMeasures, usesAlpha } from "../risk/measures/registry.js";
import { tailCount } from "../risk/tail.js";
import { algorithmViolations } from "./algorithm-checks.js";
import { annealingViolations, klStageViolations } from "./annealing-checks.js";
import { armPresets } from "./arms.js";
import { decodingViolations } from "./baselines/decoding-violations.js";
import type { GivenValues } from "./given-values.js";
import { isTree, type KeyPath, valueAtKey } from "./key-path.js";
import type { Override } from "./overrides.js";
import type { ConfigProblem, Violation } from "./problems.js";
import { rewardViolations } from "./rewards/violations.js";
import { riskViolations } from "./risk-checks.js";
import { samplingViolations } from "./sampling-checks.js";
import { type ArmConfig, armSections, type ExperimentFile } from "./schema/experiment.js";
import { trackersOf } from "./schema/trackers.js";

export function armViolations(name: string, arm: ArmConfig): Violation[] {
  const always = [...lengthViolations(arm), ...rewardViolations(arm)];
  if (arm.stage === "decode") return [...always, ...decodingViolations(arm)];
  if (arm.stage !== "rl") return always;
  return [
    ...always,
    ...(usesAlpha(arm.risk.measure) ? [...tailViolations(arm), ...annealingViolations(arm)] : []),
    ...klStageViolations(arm),
    ...riskViolations(arm),
    ...algorithmViolations(arm),
    ...samplingViolations(arm),
    ...neutralViolations(name, arm),
  ];
}

function lengthViolations({ rollout }: ArmConfig): Violation[] {
  if (rollout.min_new_tokens <= rollout.new_tokens) return [];
  return [
    {
      keys: ["rollout.min_new_tokens", "rollout.new_tokens"],
      found: `min_new_tokens ${rollout.min_new_tokens} over new_tokens ${rollout.new_tokens}`,
      expected: "min_new_tokens of at most new_tokens",
      remedy: `Lower rollout.min_new_tokens to ${rollout.new_tokens} or raise rollout.new_tokens.`,
    },
  ];
}

function tailViolations({ risk, training }: ArmConfig): Violation[] {
  const { batch } = training;
  const kept = tailCount(batch, risk.alpha);
  if (kept >= 2) return [];
  const enough = Math.floor(1 / risk.alpha) + 1;
  return [
    {
      keys: ["training.batch", "risk.alpha"],
      found: `a batch too small for α: ⌈α·B⌉ = ⌈${risk.alpha} · ${batch}⌉ = ${kept} episode`,
      expected: "at least 2 kept episodes",
      remedy: `Raise training.batch to at least ${enough} or raise risk.alpha.`,
    },
  ];
}

const averseArms: readonly string[] = ["ra-rlhf", "ra-rlhf-paper", "ra-rlhf-ce"];

/** An arm called risk-averse that is risk-neutral would make every comparison with it a lie. */
function neutralViolations(name: string, { risk }: ArmConfig): Violation[] {
  if (!averseArms.includes(name) || riskMeasures[risk.measure].role !== "neutral") return [];
  return [
    {
      keys: ["risk.measure"],
      found: `the arm ${name} with the risk-neutral measure ${risk.measure}`,
      expected: "a risk-averse measure",
      remedy: "Set risk.measure to cvar; the risk-neutral arm is called rlhf.",
    },
  ];
}

/** A conclusion about an arm that is not trained would have nothing to say. */
export function headlineViolations(
  headline: string | null,
  arms: Readonly<Record<string, ArmConfig>>,
): Violation[] {
  const trained = Object.entries(arms).flatMap(([name, { stage }]) =>
    stage === "rl" ? [name] : [],
  );
  if (headline === null || trained.includes(headline)) return [];
  return [
    {
      keys: ["evaluation.headline", "arms"],
      found: `the arm ${headline}, which this experiment does not train with RL`,
      expected: trained.length === 0 ? "null" : `one of ${trained.join(", ")}, or null`,
      remedy: "Name one of its arms, or leave evaluation.headline out.",
    },
  ];
}

export function seedViolations(seeds: readonly number[]): Violation[] {
  const repeated = [...new Set(seeds.filter((seed, index) => seeds.indexOf(seed) !== index))];
  if (repeated.length === 0) return [];
  return [
    {
      keys: ["seeds"],
      found: `the seed ${repeated.join(", ")} more than once`,
      expected: "different seeds",
      remedy: "Name each seed once: the same seed gives the same trial.",
    },
  ];
}

/**
 * Overrides of a section that no arm it is for takes up, because every one of them sets that key
 * itself. A run that silently ignores what was typed would be believed.
 */
export function idleOverrides(
  overrides: readonly Override[],
  arms: Readonly<Record<string, ArmConfig>>,
): ConfigProblem[] {
  const inForce = [...new Map(overrides.map((one) => [one.path.join("."), one])).values()];
  return inForce.flatMap(({ path, value, text }) => {
    if (!Object.hasOwn(armSections, path[0]!)) return [];
    const stage = path[0] === "decoding" ? "decode" : "rl";
    const takers = Object.entries(arms).filter(([, arm]) => arm.stage === stage);
    const key = path.join(".");
    const [first] = takers.map(([name]) => name);
    if (first === undefined) return [];
    if (takers.some(([, arm]) => holdsValue(valueAtKey(arm, path), value))) return [];
    return [
      {
        place: { override: text },
        key,
        found: "an override that no arm uses",
        expected: `an arm that does not set ${key} itself`,
        remedy: `Set it for one arm: --set arms.${first}.${key}=….`,
      },
    ];
  });
}

/** Whether a value is the one given, keys that were left out and filled in aside. */
export function holdsValue(value: unknown, given: unknown): boolean {
  if (Array.isArray(given)) {
    const all = Array.isArray(value) && value.length === given.length;
    return all && given.every((own, place) => holdsValue(value[place], own));
  }
  if (!isTree(given)) return isDeepStrictEqual(value, given);
  return isTree(value) && Object.entries(given).every(([key, own]) => holdsValue(value[key], own));
}

/**
 * A violation reported at the key that the user most likely has to change.
 *
 * Points at an override first (the last thing that was changed), then at what the file gives, the
 * arm's own key before the section's; at the file's head where all of them are defaults. A key that the arm's preset
 * sets can be changed at the arm alone, and says so.
 */
export function violationProblem(
  violation: Violation,
  arm: string | null,
  given: GivenValues,
): ConfigProblem {
  const paths = violation.keys.map((key) => inForce(key, arm, given));
  const path =
    paths.find((one) => given.origin(one) === "override") ??
    paths.find((one) => given.origin(one) === "file") ??
    paths[0]!;
  // The arm's own path and nobody gave it: the preset did.
  const ofPreset =
    arm === null ? [] : paths.filter((one) => one[0] === "arms" && given.origin(one) === "default");
  const { found, expected } = violation;
  const remedy = [violation.remedy, ...(ofPreset.length === 0 ? [] : [presetWords(ofPreset)])].join(
    " ",
  );
  return { place: given.of(path), key: path.join("."), found, expected, remedy };
}

function inForce(key: string, arm: string | null, given: GivenValues): KeyPath {
  const path = key.split(".");
  if (arm === null) return path;
  const own = ["arms", arm, ...path];
  return given.origin(own) === "default" && !isOfPreset(path, arm) ? path : own;
}

function isOfPreset(path: KeyPath, arm: string): boolean {
  const preset = Object.hasOwn(armPresets, arm) ? armPresets[arm] : undefined;
  return preset !== undefined && valueAtKey(preset.changes, path) !== undefined;
}

/** @param paths of one arm's keys, at least one */
function presetWords(paths: readonly KeyPath[]): string {
  const keys = paths.map((path) => path.slice(2).join(".")).join(", ");
  const own = paths.map((path) => path.join(".")).join(", ");
  return `The arm ${paths[0]![1]} sets ${keys} itself: change ${own}, or leave that arm out.`;
}

/** A tracker's place in the run folder is its name's. */
export function trackerViolations(trackers: ExperimentFile["trackers"]): Violation[] {
  const all = trackersOf({ trackers });
  return all.flatMap(({ name, uri }, at): Violation[] => {
    const place = Array.isArray(trackers) ? `trackers.${at}` : "trackers";
    const twice = all.findIndex((one) => one.name === name) < at;
    return [
      ...(twice
        ? [
            {
              keys: [`${place}.name`],
              found: `the tracker ${name} a second time`,
              expected: "each tracker once",
              remedy: `Leave it out; \`averse track RUN --to ${name}\` sends a run to a second place.`,
            },
          ]
        : []),
      ...(uri !== null && name !== "mlflow"
        ? [
            {
              keys: [`${place}.uri`],
              found: `an address for ${name}`,
              expected: "null: only mlflow has one",
              remedy: `Leave it out${name === "wandb" ? "; WANDB_BASE_URL names another server" : ""}.`,
            },
          ]
        : []),
    ];
  });
}
