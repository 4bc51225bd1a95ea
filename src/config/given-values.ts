/** What a user gave, in the file or by `--set`, and where: the base of places and origins. */
import { type KeyPath, leavesInLists, type Tree, valueAtKey } from "./key-path.js";
import type { Override } from "./overrides.js";
import type { SourcePlace } from "./problems.js";
import { keyReferences } from "./reference.js";
import type { Places } from "./schema-problems.js";
import type { YamlSource } from "./yaml.js";

export type Origin = "file" | "override" | "default";

export interface GivenValues extends Places {
  /** By whom a key was given. */
  origin(path: KeyPath): Origin;
}

export function givenValues(source: YamlSource, overrides: readonly Override[]): GivenValues {
  const byKey = new Map(overrides.map((one) => [one.path.join("."), one]));
  const overrideOf = (path: readonly PropertyKey[]): SourcePlace | null => {
    for (let length = path.length; length > 0; length--) {
      const override = byKey.get(path.slice(0, length).join("."));
      if (override !== undefined && holds(override.value, path.slice(length))) {
        return { override: override.text };
      }
    }
    return null;
  };
  return {
    of: (path) => overrideOf(path) ?? source.placeOf(path),
    ofKey: (path) => overrideOf(path) ?? source.placeOfKey(path),
    origin(path) {
      if (overrideOf(path) !== null) return "override";
      return valueAtKey(source.tree, path) === undefined ? "default" : "file";
    },
  };
}

/**
 * Origin of every key of the resolved configuration. An arm's keys are listed where the arm
 * itself, its preset aside, changes them: all others are the section's.
 *
 * @param lists sections of the experiment that hold lists of maps
 */
export function originsOf(
  changes: Readonly<Record<string, Tree>>,
  lists: Tree,
  given: GivenValues,
): Record<string, Origin> {
  const paths = [
    ...keyReferences.map(({ key }) => key.split(".")),
    ...leavesInLists(lists).map(([path]) => path),
    ...Object.entries(changes).flatMap(([arm, own]) =>
      leavesInLists(own).map(([path]) => ["arms", arm, ...path]),
    ),
  ];
  return Object.fromEntries(paths.map((path) => [path.join("."), given.origin(path)]));
}

/** Whether an override's list or map has a value at the path: `--set arms=[a]` gives `arms.0` only. */
function holds(value: unknown, path: readonly PropertyKey[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  const inside = typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return inside && holds((value as Record<PropertyKey, unknown>)[key], rest);
}
