/** `--set a.b=c`: one override read, checked against the known keys, and split into leaves. */
import { parse, type YAMLParseError } from "yaml";
import { isIndex, isTree, type KeyPath, leaves, type Tree, withValueAt } from "./key-path.js";
import { firstName } from "./names/second-names.js";
import { shorthandKey, trackerEntries } from "./names/shorthands.js";
import type { ConfigProblem } from "./problems.js";
import { keyReference, keyReferenceAt, listSections, mapLists, sectionNames } from "./reference.js";
import { armSections } from "./schema/experiment.js";
import { stageKeys } from "./schema/stages.js";
import { unknownKey } from "./schema-problems.js";
import { yamlReading } from "./yaml.js";

export interface Override {
  /** As typed after `--set`. */
  readonly text: string;
  readonly path: KeyPath;
  readonly value: unknown;
  /** The key as typed, where that is a second name of `path`. */
  readonly writtenAs?: KeyPath;
}

export type OverrideReading =
  | { readonly ok: true; readonly overrides: readonly Override[] }
  | { readonly ok: false; readonly problem: ConfigProblem };

export function readOverride(text: string): OverrideReading {
  const equals = text.indexOf("=");
  const key = (equals === -1 ? text : text.slice(0, equals)).trim();
  if (equals === -1 || key === "") {
    return refuse(text, "", "no key=value", "key=value", "Write for example --set risk.alpha=0.2.");
  }
  const typed = splitKey(key);
  const path = firstName(typed) ?? typed;
  const known = path[0] === "sweep" && path.length === 3 ? "sweep.grid" : knownKey(path);
  if (known === null && !isSection(path))
    return { ok: false, problem: unknownKey(path, { override: text }) };

  const raw = text.slice(equals + 1);
  let value: unknown;
  try {
    value = parse(raw, yamlReading) as unknown;
  } catch (error) {
    const { code, message } = error as YAMLParseError;
    if (code === "DUPLICATE_KEY") {
      return refuse(text, key, raw, "each key of a map once", "Remove one of the two.");
    }
    const reason = message.split("\n")[0]!.replace(/ at line.*/, "");
    return refuse(text, key, raw, "a YAML value", `Quote it (${reason}).`);
  }
  if (known === "sweep.grid") {
    return {
      ok: true,
      overrides: [{ text, path, value: path.length === 3 ? gridValues(value, raw) : value }],
    };
  }
  if (key === "trackers") {
    return { ok: true, overrides: [{ text, path, value: trackerEntries(value) }] };
  }
  if (known === "stages") {
    return { ok: true, overrides: [{ text, path: shorthandKey(path, value) ?? path, value }] };
  }
  if (known === null) {
    const meant = shorthandKey(path, value);
    if (meant === null) return readSection(text, path, value);
    const whole = fitted(meant.join("."), value, raw);
    return { ok: true, overrides: [{ text, path: meant, value: whole }] };
  }
  const whole = shorthandKey(path, value) ?? path;
  const override = { text, path: whole, value: fitted(known, value, raw) };
  return {
    ok: true,
    overrides: [{ ...override, ...(path === typed ? {} : { writtenAs: typed }) }],
  };
}

/** The sections with the override in them, or why it cannot be. */
export function withOverride(
  tree: Tree,
  override: Override,
): { readonly tree: Tree } | { readonly problem: ConfigProblem } {
  const misplaced = misplacedInList(tree, override);
  return misplaced === null
    ? { tree: withSafely(tree, override.path, override.value) }
    : { problem: misplaced };
}

/** `reward.weight` where `reward` is a list, or a place that the list does not have. */
function misplacedInList(tree: Tree, { path, text }: Override): ConfigProblem | null {
  const [section, place, ...rest] = path;
  const list = tree[section!];
  if (place === undefined || !Array.isArray(list) || !listSections.includes(section!)) return null;
  if (isIndex(place) && Number(place) < list.length) return null;
  const key = isIndex(place) ? rest : [place, ...rest];
  return {
    place: { override: text },
    key: path.join("."),
    found: `a key of ${section}, which is a list of ${list.length}`,
    expected: `a place of the list, from 0 to ${list.length - 1}`,
    remedy: `Write for example --set ${[section, 0, ...key].join(".")}=….`,
  };
}

/** Where the file has something other than a section, its fault is reported once. */
function withSafely(tree: Tree, path: readonly string[], value: unknown): Tree {
  const section = tree[path[0]!];
  const list = Array.isArray(section) && listSections.includes(path[0]!);
  const blocked = path.length > 1 && section !== undefined && !isTree(section) && !list;
  return blocked ? tree : withValueAt(tree, path, value);
}

/**
 * Of a key that arms may have, `risk.alpha` or `arms.ra-rlhf.risk.alpha`, its path; else why it is none.
 */
export function keptArmPath(key: string): KeyPath | "unknown" | "shared" | "section" {
  const typed = splitKey(key);
  const path = firstName(typed) ?? typed;
  const own = path[0] === "arms" ? path.slice(2) : path;
  const isArms = Object.hasOwn(armSections, own[0] ?? "");
  if (isSection(path)) return isArms ? "section" : "shared";
  if (knownKey(path) === null) return "unknown";
  return isArms ? path : "shared";
}

/** `--set risk={measure: mean, alpha: 1}` is the same as one `--set` for each key in it. */
function readSection(text: string, path: KeyPath, value: unknown): OverrideReading {
  const section = path.join(".");
  if (listSections.includes(path.at(-1)!) && Array.isArray(value)) {
    return { ok: true, overrides: [{ text, path, value }] };
  }
  if (!isTree(value)) {
    const example = `--set ${section}.${path.at(-1) === "risk" ? "alpha=0.2" : "<key>=<value>"}`;
    return refuse(
      text,
      section,
      JSON.stringify(value),
      "a map of keys",
      `Name one key, as in ${example}.`,
    );
  }
  const overrides: Override[] = [];
  for (const [rest, leaf] of leaves(value)) {
    const typed = [...path, ...rest];
    const full = firstName(typed) ?? typed;
    if (knownKey(full) === null)
      return { ok: false, problem: unknownKey(full, { override: text }) };
    const writtenAs = full === typed ? {} : { writtenAs: typed };
    overrides.push({ text, path: full, value: leaf, ...writtenAs });
  }
  return { ok: true, overrides };
}

/** A shell takes quotes away, and lists are shorter without brackets: read what was meant. */
function fitted(key: string, value: unknown, raw: string): unknown {
  const kind = keyReference(key)?.kind;
  const scalar =
    typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  if (kind === "text" && scalar)
    return raw.trim() === "" ? "" : typeof value === "string" ? value : raw.trim();
  if (kind !== "list" || !scalar) return value;
  try {
    return parse(`[${raw}]`, yamlReading) as unknown;
  } catch {
    return value;
  }
}

/** `--set sweep.grid.risk.alpha=0.2,0.4`, or a range, which is a text. */
function gridValues(value: unknown, raw: string): unknown {
  const isScalar = typeof value !== "object" || value === null;
  if (!isScalar || /^\s*(log:)?[^,\s]+\.\.[^,\s]+\s*$/.test(raw)) return value;
  try {
    return parse(`[${raw}]`, yamlReading) as unknown;
  } catch {
    return value;
  }
}

/** An arm's name may itself have dots: `arms.` + name + `.section.key`, the last section counts. */
function splitKey(key: string): KeyPath {
  const parts = key.split(".").map((part) => part.trim());
  // The grid's own keys have dots.
  if (parts[0] === "sweep" && parts[1] === "grid" && parts.length > 2) {
    return ["sweep", "grid", parts.slice(2).join(".")];
  }
  if (parts[0] !== "arms" || parts.length < 3) return parts;
  const section = parts.findLastIndex((part, at) => at > 1 && Object.hasOwn(armSections, part));
  const start = section < 0 ? Math.max(1, parts.length - 2) : section;
  const name = parts.slice(1, start).join(".");
  return ["arms", ...(name === "" ? [] : [name]), ...parts.slice(start)];
}

/** Key of the reference that a path stands for; an arm's key stands for the section's, that of a map, or of what may be one, for the whole. */
function knownKey(path: KeyPath): string | null {
  const inArm = path[0] === "arms" && path.length > 1;
  if (inArm && !Object.hasOwn(armSections, path[2] ?? "")) return null;
  // What is inside of a stage's key is for the schema to judge.
  if (path[0] === "stages" && path.length > 2)
    return stageKeys.includes(path[2]!) ? "stages" : null;
  const parts = inArm ? path.slice(2) : path;
  // What a stage has is checked once it is whole.
  if (parts[0] === "stages" && parts.length > 1 && !parts.includes("")) return "stages";
  const map = parts.slice(0, -1).join(".");
  const known = inList(parts) ? null : keyReferenceAt(parts);
  if (known !== null) return known.key;
  const isMap = ["map", "mixed", "list"].includes(keyReference(map)?.kind ?? "");
  const named = isMap && !mapLists.includes(map) && parts.length > 2 && parts.at(-1) !== "";
  return named ? map : null;
}

/** Whether a place of a list stands where there is none: `risk.0.alpha`, `evaluation.judges.label`. */
function inList(parts: KeyPath): boolean {
  return parts.some((part, at) => {
    const above = parts.slice(0, at).join(".");
    return isIndex(part)
      ? !mapLists.includes(above) && !listSections.includes(above)
      : mapLists.includes(above);
  });
}

function isSection(path: KeyPath): boolean {
  if (path.length === 1) return sectionNames.includes(path[0]!);
  return path.length === 3 && path[0] === "arms" && Object.hasOwn(armSections, path[2]!);
}

function refuse(
  override: string,
  key: string,
  found: string,
  expected: string,
  remedy: string,
): OverrideReading {
  return { ok: false, problem: { place: { override }, key, found, expected, remedy } };
}
