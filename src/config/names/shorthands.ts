/** Values that may be written shorter than the schema has them: `data: builtin` is `data: {path: builtin}`. */
import { isTree, type KeyPath, type Tree } from "../key-path.js";
import type { YamlSource } from "../yaml.js";

/** Section → the key that a text in the section's place stands for. */
const shortFor: Readonly<Record<string, string>> = { data: "path" };

/** The same in each stage. */
const shortInStage: Readonly<Record<string, string>> = { data: "path", base: "model" };

/** The file's values with every short form written out; their places stay. */
export function withShorthands(source: YamlSource): YamlSource {
  return { ...source, tree: Object.fromEntries(Object.entries(source.tree).map(written)) };
}

function written([section, value]: [string, unknown]): [string, unknown] {
  if (section === "stages" && isTree(value)) {
    const stages = Object.entries(value).map(([name, stage]) => [
      name,
      isTree(stage) ? inFull(stage, shortInStage) : stage,
    ]);
    return [section, Object.fromEntries(stages)];
  }
  if (section === "trackers") return [section, trackerEntries(value)];
  return [section, inFull({ [section]: value }, shortFor)[section]];
}

function inFull(tree: Tree, short: Readonly<Record<string, string>>): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => {
      const key = Object.hasOwn(short, name) ? short[name] : undefined;
      return [name, key !== undefined && typeof value === "string" ? { [key]: value } : value];
    }),
  );
}

/** `data` of `--set data=builtin` as the key that is meant; null: the path stands for itself. */
export function shorthandKey(path: KeyPath, value: unknown): KeyPath | null {
  const [section = ""] = path;
  if (isTree(value)) return null;
  if (path.length === 1 && Object.hasOwn(shortFor, section)) return [section, shortFor[section]!];
  const [, , last = ""] = path;
  const isStages = section === "stages" && path.length === 3;
  return isStages && Object.hasOwn(shortInStage, last) ? [...path, shortInStage[last]!] : null;
}

/** Sections that editors let be written as a text. */
export const shortSections: readonly string[] = Object.keys(shortFor);

/** Keys of a stage that editors let be written as a text. */
export const shortStageKeys: readonly string[] = Object.keys(shortInStage);

/**
 * `trackers: [wandb, {name: mlflow, offline: true}]`, `trackers: wandb` and `--set
 * trackers=wandb,mlflow`: a text is a tracker's name.
 */
export function trackerEntries(trackers: unknown): unknown {
  const entry = (one: unknown) => (typeof one === "string" ? { name: one.trim() } : one);
  if (typeof trackers === "string") return trackers.split(",").map(entry);
  return Array.isArray(trackers) ? trackers.map(entry) : trackers;
}
