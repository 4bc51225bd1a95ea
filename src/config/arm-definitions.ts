/** `arms` as a user writes it: a list of known arms, or a map from arm to the keys it changes. */
import { armPresets } from "./arm-presets.js";
import type { ConfigProblem } from "./config-error.js";
import { isTree, type Tree } from "./key-path.js";
import { nearestName } from "./nearest-name.js";
import { armNamePattern, armSections } from "./schema.js";
import { describeValue, type Places } from "./schema-problems.js";
import { unknownKey } from "./unknown-key.js";

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
