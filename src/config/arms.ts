/** Arms known by name: what each changes of the experiment's own sections. */

import { z } from "zod";
import { riskMeasures } from "../risk/measures/registry.js";
import { nearestName } from "../text/nearest-name.js";
import { isTree, merged, type Tree, valueAt } from "./key-path.js";
import type { ConfigProblem } from "./problems.js";
import { type ArmConfig, armSections } from "./schema/experiment.js";
import { armNamePattern } from "./schema/fields.js";
import { describeValue, type Places, schemaProblems, unknownKey } from "./schema-problems.js";

export interface ArmPreset {
  readonly stage: ArmConfig["stage"];
  readonly changes: Tree;
  readonly description: string;
}

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
  "random-drop": {
    stage: "rl",
    changes: { risk: { measure: "random-drop" } },
    description: `SFT, then PPO that ${riskMeasures["random-drop"].words.description}`,
  },
};

/* `arms` as a user writes it: a list of known arms, or a map from arm to the keys it changes. */

const presetNames = Object.keys(armPresets);

/** Names of known arms, each once; what is wrong is added to `problems`. */
export function readArmList(
  value: unknown,
  known: ReadonlySet<string>,
  places: Places,
  problems: ConfigProblem[],
): string[] {
  if (!Array.isArray(value) || value.length === 0) {
    problems.push({
      place: places.of(["arms"]),
      key: "arms",
      found: describeValue(value),
      expected: "a list of arms, or a map from arm to the keys it changes",
      remedy: "Write for example `arms: [sft, rlhf, ra-rlhf]`.",
    });
    return [];
  }
  const names: string[] = [];
  for (const [index, name] of value.entries()) {
    const place = places.of(["arms", String(index)]);
    const all = [...known].join(", ");
    if (typeof name !== "string" || !known.has(name)) {
      const meant = typeof name === "string" ? nearestName(name, known) : null;
      const hint =
        "To define an arm of your own, write `arms` as a map from arm to the keys it changes.";
      const remedy = meant === null ? hint : `Did you mean ${meant}?`;
      problems.push({
        place,
        key: "arms",
        found: `the unknown arm ${describeName(name)}`,
        expected: `one of ${all}`,
        remedy,
      });
    } else if (names.includes(name)) {
      const remedy = "Name each arm once; repetitions are seeds.";
      problems.push({
        place,
        key: "arms",
        found: `the arm ${name} twice`,
        expected: "different arms",
        remedy,
      });
    } else {
      names.push(name);
    }
  }
  return names;
}

/** Arms with what they change, as they are; what is wrong is added to `problems`. */
export function readArmMap(map: Tree, places: Places, problems: ConfigProblem[]): Tree {
  if (Object.keys(map).length === 0) readArmList([], new Set(), places, problems);
  for (const [arm, changes] of Object.entries(map)) {
    const path = ["arms", arm];
    const problem = (found: string, expected: string, remedy: string) =>
      problems.push({ place: places.ofKey(path), key: path.join("."), found, expected, remedy });
    if (!armNamePattern.test(arm)) {
      problem(
        `the name ${describeName(arm)}`,
        "lower-case letters, digits, '.', '_' and '-', at most 64",
        "Rename the arm: it becomes a folder's name.",
      );
    } else if (changes !== null && !isTree(changes)) {
      problem(
        describeValue(changes),
        "a map of sections, or nothing",
        "Indent its sections under it, as in `kl: {beta: 0.1}`.",
      );
    } else if (changes === null || Object.keys(changes).length === 0) {
      if (!Object.hasOwn(armPresets, arm)) {
        const meant = nearestName(arm, presetNames);
        problem(
          "an arm that changes nothing",
          `one of ${presetNames.join(", ")}, or keys that the arm changes`,
          meant === null ? "Give the keys that set it apart." : `Did you mean ${meant}?`,
        );
      }
    } else {
      problems.push(...sectionProblems(path, changes, places));
    }
  }
  return map;
}

function sectionProblems(path: readonly string[], changes: Tree, places: Places): ConfigProblem[] {
  return Object.entries(changes).flatMap(([section, keys]) => {
    const here = [...path, section];
    if (!Object.hasOwn(armSections, section)) return [unknownKey(here, places.ofKey(here))];
    if (isTree(keys)) return [];
    const remedy = "Indent its keys under it, one a line.";
    return [
      {
        place: places.of(here),
        key: here.join("."),
        found: describeValue(keys),
        expected: "a map of keys",
        remedy,
      },
    ];
  });
}

function describeName(name: unknown): string {
  return typeof name === "string" ? `"${name}"` : describeValue(name);
}

/* Each arm's full configuration: the experiment's sections, the preset's, then its own changes. */

const armSchema = z.strictObject(armSections);

export interface ResolvedArms {
  readonly arms: Readonly<Record<string, ArmConfig>>;
  readonly problems: readonly ConfigProblem[];
}

/**
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
    const tree = merged(merged(shared, preset?.changes ?? {}), onlyTrees(own));
    const result = armSchema.safeParse(tree);
    if (result.success) arms[arm] = { stage: preset?.stage ?? "rl", ...result.data };
    else problems.push(...schemaProblems(result.error.issues, tree, places, ["arms", arm]));
  }
  return { arms, problems };
}

/** Sections that are no maps were refused already and would only be refused a second time. */
function onlyTrees(own: Tree): Tree {
  return Object.fromEntries(
    Object.entries(own).filter(
      ([name, value]) =>
        Object.hasOwn(armSections, name) &&
        valueAt(own, [name]) !== null &&
        typeof value === "object" &&
        !Array.isArray(value),
    ),
  );
}
