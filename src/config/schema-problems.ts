/** zod's issues, told as configuration problems with place, key, finding and remedy. */
import type { z } from "zod";
import type { ConfigProblem, Place } from "./config-error.js";
import { valueAt } from "./key-path.js";
import { keyReference, sectionNames } from "./key-reference.js";
import { nearestName } from "./nearest-name.js";
import { unknownKey } from "./unknown-key.js";

/** Where values and keys of the checked tree come from. */
export interface Places {
  of(path: readonly PropertyKey[]): Place;
  ofKey(path: readonly PropertyKey[]): Place;
}

/**
 * @param tree what was checked
 * @param base path of `tree` in the whole configuration, `["arms", "ra-rlhf"]` for an arm
 */
export function schemaProblems(
  issues: readonly z.core.$ZodIssue[],
  tree: unknown,
  places: Places,
  base: readonly string[] = [],
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map(String)];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey([...path, key], places.ofKey([...path, key])));
    }
    return [wrongValue(issue.path.map(String), path, issue.message, tree, places)];
  });
}

function wrongValue(
  local: readonly string[],
  path: readonly string[],
  message: string,
  tree: unknown,
  places: Places,
): ConfigProblem {
  const value = local.reduce<unknown>(step, tree);
  const known = keyReference(local.join(".")) ?? keyReference(local.slice(0, -1).join("."));
  const key = path.join(".");
  const missing = value === undefined;
  return {
    place: places.of(path),
    key,
    found: missing ? "nothing" : describeValue(value),
    expected: known?.expected ?? sectionExpected(local) ?? message,
    remedy: missing
      ? `Add the key, as in \`${key}: my-experiment\`.`
      : remedy(path.at(-1)!, known, value),
  };
}

function step(value: unknown, part: string): unknown {
  return Array.isArray(value) ? value[Number(part)] : valueAt(value, [part]);
}

function sectionExpected(local: readonly string[]): string | null {
  return local.length === 1 && sectionNames.includes(local[0]!) ? "a map of keys" : null;
}

function remedy(last: string, known: ReturnType<typeof keyReference>, value: unknown): string {
  if (known === null) return "Indent its keys under it, one a line.";
  const meaning = known.description === "" ? "" : ` (${known.description})`;
  if (known.kind === "text" && typeof value !== "string") return `Put it in quotes${meaning}.`;
  const near =
    known.kind === "choice" && typeof value === "string" ? nearestName(value, known.choices) : null;
  if (near !== null) return `Did you mean ${near}?`;
  const fallback = known.default;
  if (fallback === undefined || typeof fallback === "object") return `Correct it${meaning}.`;
  return `The default is \`${last}: ${String(fallback)}\`${meaning}.`;
}

export function describeValue(value: unknown): string {
  if (typeof value === "string")
    return value === "" ? "an empty text" : `the text "${clipped(value)}"`;
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `${value}`;
  if (Array.isArray(value)) return `the list ${clipped(JSON.stringify(value))}`;
  if (typeof value === "object" && value !== null)
    return `the map ${clipped(JSON.stringify(value))}`;
  return value === null ? "null (nothing after the colon)" : String(value);
}

function clipped(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
