/**
 * From a YAML file and `--set` overrides to the resolved experiment, or to every problem in them
 * at once: text → YAML with positions → overrides → schema → arms → checks across keys.
 */

import { selectArms } from "./arm-selection.js";
import { resolveArms } from "./arms.js";
import {
  armViolations,
  headlineViolations,
  idleOverrides,
  seedViolations,
  trackerViolations,
  violationProblem,
} from "./checks.js";
import { dataViolations } from "./data-checks.js";
import { type GivenValues, givenValues, type Origin, originsOf } from "./given-values.js";
import { isTree, type Tree } from "./key-path.js";
import { locatePaths, withTrackerFolders } from "./local-paths.js";
import { modelViolations } from "./model-checks.js";
import { nameConflicts } from "./names/name-conflicts.js";
import { withFirstNames } from "./names/second-names.js";
import { withShorthands } from "./names/shorthands.js";
import { keptArmPath, type Override, readOverride, withOverride } from "./overrides.js";
import { ConfigError, type ConfigProblem, inReadingOrder } from "./problems.js";
import { keyReference } from "./reference.js";
import { resolvedEvaluation } from "./rewards/evaluation.js";
import { certificateViolations } from "./rewards/reward-bound.js";
import { toxicityViolations } from "./rewards/toxicity.js";
import { judgeViolations } from "./rewards/violations.js";
import { type Experiment, type ExperimentFile, experimentSchema } from "./schema/experiment.js";
import type { SweepConfig } from "./schema/sweep.js";
import { schemaProblems } from "./schema-problems.js";
import { withOwnData } from "./stages/own-data.js";
import { stageProblems } from "./stages/violations.js";
import { type ExpandedSweep, expandSweep } from "./sweep/expand.js";
import { atPoint, givenAtPoint, pointOrigins } from "./sweep/given-at-point.js";
import { halvingProblems } from "./sweep/halving-checks.js";
import { parseYaml, readConfigText } from "./yaml.js";

export interface LoadedExperiment {
  readonly experiment: Experiment;
  /** Key path → who gave the value. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** Key path → a relative path as it was written; the experiment has it absolute. */
  readonly written: Readonly<Record<string, string>>;
  /** The file as written. */
  readonly text: string;
  /** Where each value was given. */
  readonly given: GivenValues;
}

/**
 * @param overrides texts as typed after `--set`; of two on one key the later one counts
 * @throws {ConfigError} with every problem of the file and the overrides
 */
export function loadExperiment(
  file: string,
  overrides: readonly string[],
  workingDirectory = process.cwd(),
): LoadedExperiment {
  const text = readConfigText(file);
  const yaml = parseYaml(file, text);
  const source = withShorthands(withFirstNames(yaml));
  const readings = overrides.map(readOverride);
  const set = readings.flatMap((reading) => (reading.ok ? reading.overrides : []));
  const problems: ConfigProblem[] = [
    ...readings.flatMap((reading) => (reading.ok ? [] : [reading.problem])),
    ...nameConflicts(yaml, set),
  ];
  const given = givenValues(source, set);

  // Arms are read apart: their form (list or map) and their keys deserve better words than a union's.
  const { arms: written, ...rest } = source.tree;
  const onSections = set.filter(({ path }) => path[0] !== "arms");
  const onArms = set.filter(({ path }) => path[0] === "arms");
  const tree = onSections.reduce<Tree>((sum, override) => {
    const set = withOverride(sum, override);
    if ("tree" in set) return set.tree;
    problems.push(set.problem);
    return sum;
  }, rest);

  const parsed = experimentSchema.safeParse(tree);
  const leftOut = armsLeftOut(written, set);
  if (parsed.success) parsed.data.sweep = withoutArms(parsed.data.sweep, leftOut);
  else problems.push(...schemaProblems(parsed.error.issues, tree, given));
  const sections = parsed.success ? parsed.data : soundSections(tree);

  const fallback = keyReference("arms")!.default as string[];
  const selection = selectArms(written, onArms, fallback, given);
  const atOwnValues = resolveArms(sections, selection.changes, given);
  problems.push(...selection.problems, ...atOwnValues.problems);
  const { changes } = selection;
  const swept = { tree, sections, changes, arms: atOwnValues.arms, given };
  const resolved = parsed.success
    ? expandSweep({ ...swept, sections: parsed.data })
    : { ...atOwnValues, points: [], problems: [] };
  problems.push(...resolved.problems);

  const repeated = seedViolations(sections.seeds as readonly number[]);
  problems.push(...repeated.map((violation) => violationProblem(violation, null, given)));
  // Only what the user wrote may be held against another key, not a default in an unsound one's place.
  if (parsed.success) {
    for (const [name, arm] of Object.entries(resolved.arms)) {
      const point = resolved.points.find((one) => one.arm === name);
      problems.push(
        ...armViolations(point?.of ?? name, arm).map((violation) =>
          point === undefined
            ? violationProblem(violation, name, given)
            : atPoint(violationProblem(violation, point.of, givenAtPoint(point, given)), name),
        ),
      );
    }
    problems.push(...halvingProblems(parsed.data, resolved.points, given));
    problems.push(
      ...modelViolations(parsed.data, given).map((violation) =>
        violationProblem(violation, null, given),
      ),
      ...[...dataViolations(parsed.data.data), ...trackerViolations(parsed.data.trackers)].map(
        (one) => violationProblem(one, null, given),
      ),
    );
    const headline = headlineOfSweep(
      headlineLeft(parsed.data.evaluation.headline, leftOut, set),
      resolved,
    );
    problems.push(
      ...headlineViolations(headline, resolved.arms).map((violation) =>
        violationProblem(violation, null, given),
      ),
    );
    if (problems.length === 0) problems.push(...idleOverrides(onSections, resolved.arms));
    const { evaluation, violations } = resolvedEvaluation(
      { ...parsed.data.evaluation, headline },
      resolved.arms,
    );
    const judging = judgeViolations(parsed.data.evaluation.judges, resolved.arms);
    const measuring = toxicityViolations(evaluation, resolved.arms);
    const certified = certificateViolations(evaluation.certificates, resolved.arms);
    const evaluated = [...violations, ...judging, ...measuring, ...certified].map((violation) =>
      violationProblem(violation, null, given),
    );
    if (problems.length === 0) {
      const sweep = { ...parsed.data.sweep, points: [...resolved.points] };
      const whole: Experiment = { ...parsed.data, evaluation, sweep, arms: resolved.arms };
      problems.push(...stageProblems(whole, given));
      const located = locatePaths(whole, given, file, workingDirectory);
      if (located.problems.length === 0 && evaluated.length === 0 && problems.length === 0) {
        const experiment = withOwnData(
          withTrackerFolders(located.experiment, workingDirectory),
          tree,
        );
        const { written } = located;
        const { reward, trackers, evaluation: own } = experiment;
        const origins = {
          ...originsOf(selection.changes, { reward, trackers, evaluation: own }, given),
          ...pointOrigins(resolved.points, given),
        };
        return { experiment, origins, written, text, given };
      }
      problems.push(...located.problems);
    }
    problems.push(...evaluated);
  }
  throw new ConfigError(inReadingOrder(problems));
}

/** Arms of the file that `--set arms=…` does not name. */
function armsLeftOut(written: unknown, set: readonly Override[]): ReadonlySet<string> {
  const inFile = Array.isArray(written)
    ? written.map(String)
    : isTree(written)
      ? Object.keys(written)
      : [];
  const named = set.findLast(({ path }) => path.length === 1 && path[0] === "arms")?.value;
  if (!Array.isArray(named)) return new Set();
  return new Set(inFile.filter((arm) => !named.includes(arm)));
}

/**
 * `--set arms=…` may leave out the arm that the file names as the headline, and then the default rule
 * holds. One that is set itself, or that the file's arms never had, stays and is refused.
 */
function headlineLeft(
  headline: string | null,
  leftOut: ReadonlySet<string>,
  set: readonly Override[],
): string | null {
  const isSet = set.some(({ path }) => path.join(".") === "evaluation.headline");
  return headline !== null && leftOut.has(headline) && !isSet ? null : headline;
}

/** Keys of the grid that belong to arms that are left out go with them. */
function withoutArms(sweep: SweepConfig, leftOut: ReadonlySet<string>): SweepConfig {
  const grid = Object.entries(sweep.grid).filter(([key]) => {
    const path = keptArmPath(key);
    return typeof path === "string" || path[0] !== "arms" || !leftOut.has(path[1]!);
  });
  return { ...sweep, grid: Object.fromEntries(grid) };
}

/** Of an arm that is swept the first of its points, fixed before the run as the arm was. */
function headlineOfSweep(
  headline: string | null,
  { arms, points }: Pick<ExpandedSweep, "arms" | "points">,
): string | null {
  if (headline === null || Object.hasOwn(arms, headline)) return headline;
  return points.find(({ of }) => of === headline)?.arm ?? headline;
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
