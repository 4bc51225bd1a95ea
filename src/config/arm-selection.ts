/**
 * Which arms an experiment trains: the file's `arms` (a list of known arms, or a map from arm to
 * what it changes) and the overrides on it, as one map from arm to its changes.
 */

import { nearestName } from "../text/nearest-name.js";
import { armPresets } from "./arms.js";
import { isTree, type Tree, withValueAt } from "./key-path.js";
import type { Override } from "./overrides.js";
import type { ConfigProblem } from "./problems.js";
import { listSections } from "./reference.js";
import { armSections } from "./schema/experiment.js";
import { armNamePattern } from "./schema/fields.js";
import { describeValue, type Places, unknownKey } from "./schema-problems.js";

export interface ArmSelection {
  /** Arm → the keys that it changes, in the order of the selection. */
  readonly changes: Readonly<Record<string, Tree>>;
  readonly problems: readonly ConfigProblem[];
}

const presetNames = Object.keys(armPresets);

/**
 * @param written the file's `arms`; undefined where it has none
 * @param overrides those whose path begins with `arms`
 * @param fallback the schema's default selection
 */
export function selectArms(
  written: unknown,
  overrides: readonly Override[],
  fallback: readonly string[],
  places: Places,
): ArmSelection {
  const problems: ConfigProblem[] = [];
  const definitions = readDefinitions(written, places, problems);
  let selected = definitions === null ? [...fallback] : Object.keys(definitions);
  let changes: Tree = definitions ?? {};

  // The selection may also name arms of the file that an earlier one left out.
  for (const { path, value } of overrides) {
    if (path.length !== 1) continue;
    if (isTree(value)) {
      changes = { ...changes, ...readArmMap(value, places, problems) };
      selected = Object.keys(value);
    } else {
      selected = readArmList(
        value,
        new Set([...presetNames, ...Object.keys(changes)]),
        places,
        problems,
      );
    }
  }
  for (const { path, value, text } of overrides) {
    if (path.length === 1) continue;
    if (selected.includes(path[1]!)) changes = withValueAt(changes, path.slice(1), value);
    else {
      const known = presetNames.includes(path[1]!) || Object.hasOwn(changes, path[1]!);
      problems.push(notSelected(path[1]!, selected, known, text));
    }
  }
  return {
    changes: Object.fromEntries(selected.map((arm) => [arm, ownTree(changes, arm)])),
    problems,
  };
}

function ownTree(changes: Tree, arm: string): Tree {
  const value = Object.hasOwn(changes, arm) ? changes[arm] : null;
  return isTree(value) ? value : {};
}

function readDefinitions(written: unknown, places: Places, problems: ConfigProblem[]): Tree | null {
  if (written === undefined) return null;
  if (isTree(written)) return readArmMap(written, places, problems);
  const names = readArmList(written, new Set(presetNames), places, problems);
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Names of known arms, each once; what is wrong is added to `problems`. */
function readArmList(
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
function readArmMap(map: Tree, places: Places, problems: ConfigProblem[]): Tree {
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
          meant === null ? "Give the keys that it changes." : `Did you mean ${meant}?`,
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
    if (isTree(keys) || (listSections.includes(section) && Array.isArray(keys))) return [];
    const remedy = "Indent its keys under it, one per line.";
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

function notSelected(
  arm: string,
  selected: readonly string[],
  known: boolean,
  override: string,
): ConfigProblem {
  const all = [...selected, arm];
  const remedy = known
    ? `Select it too: --set arms=${all.join(",")}.`
    : `To make an arm of that name: --set 'arms={${all.map((one) => `${one}: {}`).join(", ")}}'.`;
  const meant = nearestName(arm, selected);
  return {
    place: { override },
    key: `arms.${arm}`,
    found: "an arm that this experiment does not train",
    expected: `one of ${selected.join(", ")}`,
    remedy: meant === null ? remedy : `Did you mean arms.${meant}?`,
  };
}
