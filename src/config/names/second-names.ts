/**
 * Keys that others set under a second name: it means the same in the file, in an arm and after
 * `--set`. All that is written or shown has the first name alone.
 */
import { isTree, type KeyPath, type Tree, valueAtKey } from "../key-path.js";
import type { YamlSource } from "../yaml.js";

/** Second name → first name; both are keys of the same section, which an arm may have, too. */
export const secondNames: Readonly<Record<string, string>> = { "risk.schedule": "risk.annealing" };

export const namePairs = Object.entries(secondNames).map(([second, first]) => ({
  section: second.split(".")[0]!,
  second: second.split(".")[1]!,
  first: first.split(".")[1]!,
}));

/** The key that is meant; null: the path has no second name in it. */
export function firstName(path: KeyPath): KeyPath | null {
  return renamed(path, "second", "first");
}

function renamed(path: KeyPath, from: "first" | "second", to: "first" | "second"): KeyPath | null {
  const section = path[0] === "arms" ? 2 : 0;
  const pair = namePairs.find(
    (one) => one.section === path[section] && one[from] === path[section + 1],
  );
  return pair === undefined ? null : path.with(section + 1, pair[to]);
}

/** The file's values under the first names; their places stay. */
export function withFirstNames(source: YamlSource): YamlSource {
  const { arms, ...sections } = source.tree;
  const tree = {
    ...renamedSections(sections),
    ...(arms === undefined ? {} : { arms: isTree(arms) ? ofArms(arms) : arms }),
  };
  const written = (path: readonly PropertyKey[]): readonly PropertyKey[] => {
    const texts = path.map(String);
    const second = renamed(texts, "first", "second");
    const isSecond = (at: KeyPath | null) =>
      at !== null && valueAtKey(source.tree, at.slice(0, at[0] === "arms" ? 4 : 2)) !== undefined;
    return isSecond(second) && !isSecond(texts) ? second! : path;
  };
  return {
    tree,
    placeOf: (path) => source.placeOf(written(path)),
    placeOfKey: (path) => source.placeOfKey(written(path)),
  };
}

function ofArms(arms: Tree): Tree {
  return Object.fromEntries(
    Object.entries(arms).map(([arm, own]) => [arm, isTree(own) ? renamedSections(own) : own]),
  );
}

/** Where both names are given, the first one's value stands. */
function renamedSections(sections: Tree): Tree {
  return Object.fromEntries(
    Object.entries(sections).map(([section, own]) => {
      const pair = namePairs.find((one) => one.section === section);
      if (pair === undefined || !isTree(own) || !Object.hasOwn(own, pair.second)) {
        return [section, own];
      }
      const { [pair.second]: value, ...others } = own;
      return [section, { [pair.first]: value, ...others }];
    }),
  );
}
