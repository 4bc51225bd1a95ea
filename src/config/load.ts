/**
 * From a YAML file and `--set` overrides to the resolved experiment, or to every problem in them
 * at once: text → YAML with positions → overrides → schema → arms → checks across keys.
 */

import { z } from "zod";
import { selectArms } from "./arm-selection.js";
import { resolveArms } from "./arms.js";
import { armMisfits, idleOverrides, misfitProblem, seedMisfits } from "./checks.js";
import { isTree, type KeyPath, leaves, type Tree, valueAt, withValueAt } from "./key-path.js";
import { type Override, readOverride } from "./overrides.js";
import { ConfigError, type ConfigProblem, inReadingOrder, type Place } from "./problems.js";
import { keyReference, keyReferences } from "./reference.js";
import {
  armSections,
  type Experiment,
  type ExperimentFile,
  experimentSchema,
} from "./schema/experiment.js";
import { armNamePattern } from "./schema/fields.js";
import { type Places, schemaProblems } from "./schema-problems.js";
import { parseYaml, readConfigText, type YamlSource } from "./yaml.js";

export interface LoadedExperiment {
  readonly experiment: Experiment;
  /** Key path → who gave the value. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** The file as written. */
  readonly text: string;
}

/**
 * @param overrides texts as typed after `--set`; of two on one key the later one counts
 * @throws {ConfigError} with every problem of the file and the overrides
 */
export function loadExperiment(file: string, overrides: readonly string[]): LoadedExperiment {
  const text = readConfigText(file);
  const source = parseYaml(file, text);
  const readings = overrides.map(readOverride);
  const set = readings.flatMap((reading) => (reading.ok ? reading.overrides : []));
  const problems: ConfigProblem[] = readings.flatMap((reading) =>
    reading.ok ? [] : [reading.problem],
  );
  const given = givenValues(source, set);

  // Arms are read apart: their form (list or map) and their keys deserve better words than a union's.
  const { arms: written, ...rest } = source.tree;
  const onSections = set.filter(({ path }) => path[0] !== "arms");
  const onArms = set.filter(({ path }) => path[0] === "arms");
  const tree = onSections.reduce<Tree>(
    (sum, { path, value }) => withSafely(sum, path, value),
    rest,
  );

  const parsed = experimentSchema.safeParse(tree);
  if (!parsed.success) problems.push(...schemaProblems(parsed.error.issues, tree, given));
  const sections = parsed.success ? parsed.data : soundSections(tree);

  const fallback = keyReference("arms")!.default as string[];
  const selection = selectArms(written, onArms, fallback, given);
  const resolved = resolveArms(sections, selection.changes, given);
  problems.push(...selection.problems, ...resolved.problems);

  const repeated = seedMisfits(sections.seeds as readonly number[]);
  problems.push(...repeated.map((misfit) => misfitProblem(misfit, null, given)));
  // Only what the user wrote may be held against another key, not a default in an unsound one's place.
  if (parsed.success) {
    for (const [name, arm] of Object.entries(resolved.arms)) {
      problems.push(...armMisfits(name, arm).map((misfit) => misfitProblem(misfit, name, given)));
    }
    if (problems.length === 0) problems.push(...idleOverrides(onSections, resolved.arms));
    if (problems.length === 0) {
      const experiment: Experiment = { ...parsed.data, arms: resolved.arms };
      const origins = originsOf(selection.changes, given);
      return { experiment, origins, text };
    }
  }
  throw new ConfigError(inReadingOrder(problems));
}

/** Where the file has something else than a section, the file's fault is told, once. */
function withSafely(tree: Tree, path: readonly string[], value: unknown): Tree {
  const section = path[0]!;
  const blocked = path.length > 1 && tree[section] !== undefined && !isTree(tree[section]);
  return blocked ? tree : withValueAt(tree, path, value);
}

/** The sections that are sound, defaults for the others: enough to check the arms against. */
function soundSections(tree: Tree): Tree {
  const defaults = experimentSchema.parse({ name: "unnamed" });
  return Object.fromEntries(
    Object.entries(experimentSchema.shape).map(([key, schema]) => {
      const result = schema.safeParse(tree[key]);
      return [key, result.success ? result.data : defaults[key as keyof ExperimentFile]];
    }),
  );
}

/* A resolved configuration that comes back from disk: nothing is filled in, nothing let through. */

const arm = z.strictObject({ stage: z.enum(["base", "sft", "rl"]), ...armSections });

const resolved = experimentSchema.extend({
  arms: z.record(z.string().regex(armNamePattern), arm),
});

/**
 * @returns the experiment; or, in words, the first thing that this program does not know or misses
 */
export function resolvedExperiment(value: unknown): Experiment | string {
  const result = resolved.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    return `${issue!.path.join(".") || "the whole"}: ${issue!.message}`;
  }
  const missing = missingKey(result.data, value, []);
  return missing === null ? result.data : `${missing}: it is missing`;
}

/** First key that the schema had to fill in. */
function missingKey(full: unknown, given: unknown, path: readonly string[]): string | null {
  if (typeof full !== "object" || full === null || Array.isArray(full)) {
    return null;
  }
  for (const [key, inner] of Object.entries(full)) {
    const here = [...path, key];
    if (!Object.hasOwn(given as object, key)) {
      return here.join(".");
    }
    const found = missingKey(inner, (given as Record<string, unknown>)[key], here);
    if (found !== null) {
      return found;
    }
  }
  return null;
}

/* What a user gave, in the file or by `--set`, and where: the base of places and origins. */

export type Origin = "file" | "override" | "default";

export interface GivenValues extends Places {
  /** By whom a key was given; a key inside a list counts as the list. */
  origin(path: KeyPath): Origin;
}

export function givenValues(source: YamlSource, overrides: readonly Override[]): GivenValues {
  const byKey = new Map(overrides.map((one) => [one.path.join("."), one]));
  const overrideOf = (path: readonly PropertyKey[]): Place | null => {
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
      return valueAt(source.tree, path) === undefined ? "default" : "file";
    },
  };
}

/**
 * Origin of every key of the resolved configuration. An arm's keys are listed where the arm
 * itself, its preset aside, changes them: all others are the section's.
 */
export function originsOf(
  changes: Readonly<Record<string, Tree>>,
  given: GivenValues,
): Record<string, Origin> {
  const paths = [
    ...keyReferences.map(({ key }) => key.split(".")),
    ...Object.entries(changes).flatMap(([arm, own]) =>
      leaves(own).map(([path]) => ["arms", arm, ...path]),
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
