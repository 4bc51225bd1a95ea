/** A key given under both of its names. */
import { isDeepStrictEqual } from "node:util";
import { isTree, type KeyPath, valueAtKey } from "../key-path.js";
import type { Override } from "../overrides.js";
import type { ConfigProblem } from "../problems.js";
import { describeValue, type Places } from "../schema-problems.js";
import type { YamlSource } from "../yaml.js";
import { firstName, namePairs } from "./second-names.js";

/** Both names of one key, with different values: in one section of the file, or among the overrides. */
export function nameConflicts(source: YamlSource, overrides: readonly Override[]): ConfigProblem[] {
  const { arms } = source.tree;
  const bases = [[], ...(isTree(arms) ? Object.keys(arms).map((arm) => ["arms", arm]) : [])];
  const inFile = bases.flatMap((base) =>
    namePairs.flatMap(({ section, second, first }) => {
      const path = [...base, section, second];
      const values = [path, [...base, section, first]].map((at) => valueAtKey(source.tree, at));
      const places: Places = { of: source.placeOf, ofKey: source.placeOfKey };
      return values.includes(undefined) || isDeepStrictEqual(values[0], values[1])
        ? []
        : [conflict(path, places.ofKey(path), values[0], values[1])];
    }),
  );
  const set = overrides.flatMap((one) => {
    const other = overrides.find(
      ({ path, value, writtenAs }) =>
        writtenAs === undefined &&
        path.join(".") === one.path.join(".") &&
        !isDeepStrictEqual(value, one.value),
    );
    return one.writtenAs === undefined || other === undefined
      ? []
      : [conflict(one.writtenAs, { override: one.text }, one.value, other.value)];
  });
  return [...inFile, ...set];
}

function conflict(
  path: KeyPath,
  place: ConfigProblem["place"],
  value: unknown,
  other: unknown,
): ConfigProblem {
  const first = firstName(path)!.join(".");
  return {
    place,
    key: path.join("."),
    found: describeValue(value),
    expected: `the value of ${first}, which is the same key: ${describeValue(other)}`,
    remedy: `Leave ${path.join(".")} out.`,
  };
}
