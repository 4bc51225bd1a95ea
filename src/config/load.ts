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
  violationProblem,
} from "./checks.js";
import { dataViolations } from "./data-checks.js";
import { type GivenValues, givenValues, type Origin, originsOf } from "./given-values.js";
import { isIndex, isTree, type Tree, withValueAt } from "./key-path.js";
import { locatePaths } from "./local-paths.js";
import { modelViolations } from "./model-checks.js";
import { nameConflicts } from "./names/name-conflicts.js";
import { withFirstNames } from "./names/second-names.js";
import { withShorthands } from "./names/shorthands.js";
import { type Override, readOverride } from "./overrides.js";
import { ConfigError, type ConfigProblem, inReadingOrder } from "./problems.js";
import { keyReference, listSections } from "./reference.js";
import { resolvedEvaluation } from "./rewards/evaluation.js";
import { certificateViolations } from "./rewards/reward-bound.js";
import { toxicityViolations } from "./rewards/toxicity.js";
import { judgeViolations } from "./rewards/violations.js";
import {
  type ArmConfig,
  type Experiment,
  type ExperimentFile,
  experimentSchema,
} from "./schema/experiment.js";
import { schemaProblems } from "./schema-problems.js";
import { withOwnData } from "./stages/own-data.js";
import { stageProblems } from "./stages/violations.js";
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
    const misplaced = misplacedInList(sum, override);
    if (misplaced === null) return withSafely(sum, override.path, override.value);
    problems.push(misplaced);
    return sum;
  }, rest);

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
      ...modelViolations(parsed.data, given).map((violation) =>
        violationProblem(violation, null, given),
      ),
      ...dataViolations(parsed.data.data).map((one) => violationProblem(one, null, given)),
    );
    const headline = headlineLeft(parsed.data.evaluation.headline, written, set, resolved.arms);
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
      const whole: Experiment = { ...parsed.data, evaluation, arms: resolved.arms };
      problems.push(...stageProblems(whole, given));
      const located = locatePaths(whole, given, file, workingDirectory);
      if (located.problems.length === 0 && evaluated.length === 0 && problems.length === 0) {
        const experiment = withOwnData(located.experiment, tree);
        const { written } = located;
        const { reward, evaluation: own } = experiment;
        const origins = originsOf(selection.changes, { reward, evaluation: own }, given);
        return { experiment, origins, written, text, given };
      }
      problems.push(...located.problems);
    }
    problems.push(...evaluated);
  }
  throw new ConfigError(inReadingOrder(problems));
}

/**
 * The headline arm that is left: `--set arms=…` may leave out the one that the file names, and then
 * the default rule holds. One that is set itself, or that the file's arms never had, stays and is
 * refused.
 */
function headlineLeft(
  headline: string | null,
  writtenArms: unknown,
  set: readonly Override[],
  arms: Readonly<Record<string, ArmConfig>>,
): string | null {
  if (headline === null || Object.hasOwn(arms, headline)) return headline;
  const inFile = Array.isArray(writtenArms)
    ? writtenArms.includes(headline)
    : isTree(writtenArms) && Object.hasOwn(writtenArms, headline);
  const isSet = (key: string) => set.some(({ path }) => path.join(".") === key);
  return inFile && !isSet("evaluation.headline") && set.some(({ path }) => path[0] === "arms")
    ? null
    : headline;
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
