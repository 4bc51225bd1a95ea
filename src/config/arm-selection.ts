/**
 * Which arms an experiment trains: the file's `arms` (a list of known arms, or a map from arm to
 * what it changes) and the overrides on it, as one map from arm to its changes.
 */

import { nearestName } from "../text/nearest-name.js";
import { armPresets, readArmList, readArmMap } from "./arms.js";
import { isTree, type Tree, withValueAt } from "./key-path.js";
import type { Override } from "./overrides.js";
import type { ConfigProblem } from "./problems.js";
import type { Places } from "./schema-problems.js";

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
