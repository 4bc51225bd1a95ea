/**
 * From a YAML file and `--set` overrides to the resolved experiment, or to every problem in them
 * at once: text → YAML with positions → overrides → schema → arms → checks across keys.
 */

import { z } from "zod";
import { firstFault } from "../text/schema-faults.js";
import { selectArms } from "./arm-selection.js";
import { resolveArms } from "./arms.js";
import {
  armViolations,
  headlineViolations,
  idleOverrides,
  seedViolations,
  violationProblem,
} from "./checks.js";
import { givenValues, type Origin, originsOf } from "./given-values.js";
import { isTree, type Tree, withValueAt } from "./key-path.js";
import { readOverride } from "./overrides.js";
import { ConfigError, type ConfigProblem, inReadingOrder } from "./problems.js";
import { keyReference } from "./reference.js";
import {
  armSections,
  type Experiment,
  type ExperimentFile,
  experimentSchema,
} from "./schema/experiment.js";
import { armNamePattern } from "./schema/fields.js";
import { schemaProblems } from "./schema-problems.js";
import { parseYaml, readConfigText } from "./yaml.js";

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

  const repeated = seedViolations(sections.seeds as readonly number[]);
  problems.push(...repeated.map((violation) => violationProblem(violation, null, given)));
  // Only what the user wrote may be held against another key, not a default in an unsound one's place.
  if (parsed.success) {
    for (const [name, arm] of Object.entries(resolved.arms)) {
      problems.push(
        ...armViolations(name, arm).map((violation) => violationProblem(violation, name, given)),
      );
    }
    problems.push(
      ...headlineViolations(parsed.data.evaluation.headline, resolved.arms).map((violation) =>
        violationProblem(violation, null, given),
      ),
    );
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

const arm = z.strictObject({ stage: z.enum(["base", "sft", "rl"]), ...armSections });

const resolved = experimentSchema.extend({
  arms: z.record(z.string().regex(armNamePattern), arm),
});

/**
 * A resolved configuration that comes back from disk: nothing is filled in, nothing let through.
 *
 * @returns the experiment; or, in words, the first thing that this program does not know or misses
 */
export function resolvedExperiment(value: unknown): Experiment | string {
  const result = resolved.safeParse(value);
  if (!result.success) {
    return firstFault(result.error, value);
  }
  const missing = missingKey(result.data, value, []);
  return missing === null ? result.data : `key \`${missing}\` is missing`;
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
