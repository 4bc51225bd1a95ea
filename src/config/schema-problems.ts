/** zod's issues as configuration problems with place, key, finding and remedy. */

import type { z } from "zod";
import { nearestName } from "../text/nearest-name.js";
import { type SchemaFault, schemaFaults } from "../text/schema-faults.js";
import { isIndex, type KeyPath } from "./key-path.js";
import { renamedTo } from "./names/renamed-keys.js";
import type { ConfigProblem, SourcePlace } from "./problems.js";
import {
  keyReferenceAt,
  keyReferences,
  listSections,
  nestedMaps,
  sectionNames,
} from "./reference.js";
import { armSections } from "./schema/experiment.js";

/** Where values and keys of the checked tree come from. */
export interface Places {
  of(path: readonly PropertyKey[]): SourcePlace;
  ofKey(path: readonly PropertyKey[]): SourcePlace;
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
  return schemaFaults(issues, tree).map((fault) => {
    const path = [...base, ...fault.path.map(String)];
    return fault.kind === "unknown"
      ? unknownKey(path, places.ofKey(path))
      : wrongValue(fault, path, places);
  });
}

function wrongValue(fault: SchemaFault, path: readonly string[], places: Places): ConfigProblem {
  const local = fault.path.map(String);
  const known = keyReferenceAt(local) ?? keyReferenceAt(local.slice(0, -1));
  const key = path.join(".");
  const missing = fault.kind === "missing";
  const place = places.of(path);
  return {
    place,
    key,
    found: missing ? "nothing" : describeValue(fault.found),
    expected: known?.expected ?? sectionExpected(local) ?? fault.message.replace(/^expected /, ""),
    remedy: missing
      ? `Add the key, for example \`${key}: my-experiment\`.`
      : (severalValues(place, local, fault.found) ?? remedy(path.at(-1)!, known, fault.found)),
  };
}

/** `--set risk.alpha=0.2,0.4`: one value was expected, and a sweep was meant. Null: it was not. */
function severalValues(place: SourcePlace, local: KeyPath, found: unknown): string | null {
  const key = local.join(".");
  const values = typeof found === "string" ? found : Array.isArray(found) ? found.join(",") : "";
  const isArms = Object.hasOwn(armSections, local[0] ?? "");
  if (!("override" in place) || !isArms || !/^[^\s,]+(\s*,\s*[^\s,]+)+$/.test(values)) return null;
  return `A key has one value; to train an arm per value: averse sweep EXPERIMENT --grid ${key}=${values}.`;
}

function sectionExpected(local: readonly string[]): string | null {
  const [section, ...rest] = local.filter((part) => !isIndex(part));
  if (rest.length > 0 || section === undefined || !sectionNames.includes(section)) return null;
  const orList = listSections.includes(section) && local.length === 1;
  return orList ? "a map of keys, or a list of them" : "a map of keys";
}

function remedy(last: string, known: ReturnType<typeof keyReferenceAt>, value: unknown): string {
  if (known === null) return "Indent its keys under it, one per line.";
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

/** A key that the schema does not have, answered with the nearest one that it has. */
export function unknownKey(path: KeyPath, place: SourcePlace): ConfigProblem {
  const inArm = path[0] === "arms" && path.length > 2;
  const prefix = inArm ? `${path.slice(0, 2).join(".")}.` : "";
  const own = inArm ? path.slice(2) : path;
  const key = own.filter((part) => !isIndex(part)).join(".");
  const places = own.join(".") === key ? "" : `${own.slice(0, -1).join(".")}.`;
  const renamed = renamedTo(key);
  if (renamed !== null) {
    return {
      place,
      key: path.join("."),
      found: "a renamed key",
      expected: `${prefix}${renamed}`,
      remedy: `Write ${prefix}${renamed} instead.`,
    };
  }
  if (isIndex(own.at(-1) ?? "")) {
    return {
      place,
      key: path.join("."),
      found: "a place of a list",
      expected: `a key: there is no list of ${Number(own.at(-1)) + 1} or more here`,
      remedy: `Name the key itself, as in ${prefix}${key}.weight, or one of the list's places.`,
    };
  }
  const near = nearestKey(key, inArm);
  const meant =
    near === null || places === "" ? near : `${places}${near.slice(near.lastIndexOf(".") + 1)}`;
  return {
    place,
    key: path.join("."),
    found: "an unknown key",
    expected:
      inArm && !isArmKey(key) ? `a key of ${Object.keys(armSections).join(", ")}` : "a known key",
    remedy:
      meant === null
        ? "`averse config explain` and docs/configuration.md list every key."
        : `Did you mean ${prefix}${meant}?`,
  };
}

/** Near in spelling, or the same name in another section: `alpha` is `risk.alpha`. */
function nearestKey(key: string, inArm: boolean): string | null {
  const keys = keyReferences.map((entry) => entry.key).filter((known) => !inArm || isArmKey(known));
  const sections = sectionNames.filter((section) => !inArm || isArmKey(section));
  const map = key.slice(0, Math.max(key.lastIndexOf("."), 0));
  if (nestedMaps.includes(map)) {
    const inside = keys.filter((known) => known.startsWith(`${map}.`));
    return nearestName(key, inside);
  }
  const [section = "", last] = key.split(".");
  if (last === undefined) {
    const top = [...sections, ...keys.filter((known) => !known.includes("."))];
    return nearestName(key, top) ?? byLastPart(key, keys);
  }
  if (!sections.includes(section)) {
    const meantSection = nearestName(section, sections);
    const full = meantSection === null ? null : nearestName(`${meantSection}.${last}`, keys);
    return full ?? byLastPart(last, keys);
  }
  const siblings = keys.filter((known) => known.startsWith(`${section}.`));
  const meant = nearestName(
    last,
    siblings.map((known) => known.slice(section.length + 1)),
  );
  return meant === null ? byLastPart(last, keys) : `${section}.${meant}`;
}

function byLastPart(name: string, keys: readonly string[]): string | null {
  const nested = keys.filter((key) => key.includes("."));
  const meant = nearestName(
    name,
    nested.map((key) => key.split(".")[1]!),
  );
  return meant === null ? null : nested.find((key) => key.endsWith(`.${meant}`))!;
}

function isArmKey(key: string): boolean {
  return Object.hasOwn(armSections, key.split(".")[0]!);
}
