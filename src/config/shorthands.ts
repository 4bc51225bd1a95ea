/** Values that may be written shorter than the schema has them: `data: builtin` is `data: {path: builtin}`. */
import { isTree, type KeyPath } from "./key-path.js";
import type { YamlSource } from "./yaml.js";

/** Section → the key that a text in the section's place stands for. */
const shortFor: Readonly<Record<string, string>> = { data: "path" };

/** The file's values with every short form written out; their places stay. */
export function withShorthands(source: YamlSource): YamlSource {
  return { ...source, tree: Object.fromEntries(Object.entries(source.tree).map(written)) };
}

function written([section, value]: [string, unknown]): [string, unknown] {
  const key = Object.hasOwn(shortFor, section) ? shortFor[section] : undefined;
  return [section, key !== undefined && typeof value === "string" ? { [key]: value } : value];
}

/** `data` of `--set data=builtin` as the key that is meant; null: the path stands for itself. */
export function shorthandKey(path: KeyPath, value: unknown): KeyPath | null {
  const [section = ""] = path;
  const isShort = path.length === 1 && Object.hasOwn(shortFor, section) && !isTree(value);
  return isShort ? [section, shortFor[section]!] : null;
}

/** Sections that editors let be written as a text. */
export const shortSections: readonly string[] = Object.keys(shortFor);
