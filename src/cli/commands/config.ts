/** `averse config validate|schema|explain`: what an experiment's file may say, and what it says. */

import { editorSchemaText } from "../../config/json-schema.js";
import { leavesInLists, valueAtKey } from "../../config/key-path.js";
import { type LoadedExperiment, loadExperiment } from "../../config/load.js";
import { firstName } from "../../config/names/second-names.js";
import {
  ConfigError,
  type ConfigProblem,
  problemLine,
  sourcePlaceText,
} from "../../config/problems.js";
import { type KeyReference, keyReferences } from "../../config/reference.js";
import { armSections, type Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import { gridLines } from "../../text/grid.js";
import { nearestName } from "../../text/nearest-name.js";
import { safeText } from "../../text/safe-text.js";
import { scheduleLines } from "../../tui/launcher/schedule-lines.js";
import { readWorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { packageRoot } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

export interface ConfigOptions {
  readonly set: readonly string[];
  readonly json: boolean;
}

export interface ValidateOptions extends ConfigOptions {
  /** The hub is not asked. */
  readonly offline: boolean;
}

/**
 * What `averse run` checks before it makes a run folder.
 *
 * @throws {ConfigError} with every problem
 */
export async function validate(
  name: string,
  options: ValidateOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const file = experimentFile(name);
  try {
    const loaded = loadExperiment(file, options.set);
    const { experiment } = loaded;
    readWorkerSpec(experiment.backend.worker, packageRoot);
    const { runPreflight } = await import("../run/run-preflight.js");
    const { offline } = options;
    const checks = await runPreflight(loaded, { runs: "runs", offline }, terminal);
    const { checked, warnings, problems } = checks;
    if (problems.length > 0) throw new ConfigError(problems);
    const trials = planTrials(experiment).map(({ id }) => id);
    if (options.json) {
      const facts = { valid: true, file, name: experiment.name, trials, checked };
      terminal.out(JSON.stringify({ ...facts, warnings: warnings.map(problemFacts) }));
    } else {
      const head = `${file}: valid; ${trialsText(trials, experiment)}`;
      const rows = checked.map(({ what, found }) => [`  ${what}`, safeText(found)]);
      const lines = warnings.map((one) => `warning: ${safeText(problemLine(one))}`);
      terminal.out([head, ...gridLines(rows, ["left", "left"]), ...lines].join("\n"));
    }
    return exitCode.done;
  } catch (error) {
    if (!(error instanceof ConfigError) || !options.json) throw error;
    const problems = error.problems.map(problemFacts);
    terminal.out(JSON.stringify({ valid: false, file, problems }));
    return exitCode.usage;
  }
}

/** Of many trials the arms and the seeds say as much. */
function trialsText(trials: readonly string[], { arms, seeds }: Experiment): string {
  const { length } = trials;
  const list =
    seeds.length > 1 && length > 8
      ? `${Object.keys(arms).join(", ")} with the seeds ${seeds.join(", ")}`
      : trials.join(", ");
  return `${length} ${length === 1 ? "trial" : "trials"}: ${list}`;
}

function problemFacts({ place, key, found, expected, remedy }: ConfigProblem): object {
  return { place: sourcePlaceText(place), key, found, expected, remedy };
}

export function schema(terminal: Terminal): ExitCode {
  terminal.out(editorSchemaText().trimEnd());
  return exitCode.done;
}

/**
 * @param first a key or section of the reference, an experiment, or nothing: every key
 * @param second with an experiment: only keys under this one
 */
export function explain(
  first: string | undefined,
  second: string | undefined,
  options: ConfigOptions,
  terminal: Terminal,
): ExitCode {
  const [what, only] = [first, second].map(inFirstName);
  const keys = keysUnder(what);
  if (only === undefined && keys.length > 0) {
    if (options.json) terminal.out(JSON.stringify(keys));
    else terminal.out(keys.map(keyText).join("\n"));
    return exitCode.done;
  }
  if (keys.length > 0) {
    throw new UserError(
      `${what} is a key or section; with two arguments the first must be an experiment: averse config explain quickstart ${only}.`,
    );
  }
  const loaded = loadExperiment(experimentOrKey(what!), options.set);
  const rows = valuesInForce(loaded).filter(
    ({ key }) => isUnder(key, only) || isArmKeyUnder(key, only),
  );
  if (rows.length === 0) throw new UserError(unknownKeyText(only!));
  if (options.json) {
    terminal.out(JSON.stringify(rows));
    return exitCode.done;
  }
  const cells = rows.map(({ key, value, origin }) => [key, JSON.stringify(value), origin]);
  terminal.out(
    [
      ...gridLines([["key", "value", "from"], ...cells], ["left", "left", "left"]),
      ...(showsSchedule(only) ? ["", ...schedulePlot(loaded.experiment, terminal)] : []),
    ].join("\n"),
  );
  return exitCode.done;
}

/** `risk.schedule` is explained as what it is now: `risk.annealing`. */
function inFirstName(key: string | undefined): string | undefined {
  return key === undefined ? undefined : (firstName(key.split("."))?.join(".") ?? key);
}

/** Keys that the course of α' or β hangs on. */
function showsSchedule(only: string | undefined): boolean {
  return ["risk.annealing", "risk.annealing_steps", "risk.adaptive", "kl.schedule"].some(
    (key) => only !== undefined && isUnder(key, only),
  );
}

/** The episodes that each arm will keep, plotted, and β's stages in words. */
function schedulePlot(experiment: Experiment, { unicode }: Terminal): string[] {
  const style = { unicode, color: false };
  const lines = scheduleLines(experiment, plotSize, style);
  return lines.map((line) =>
    line
      .map(({ text }) => text)
      .join("")
      .trimEnd(),
  );
}

const plotSize = { width: 80, height: 24 };

function keysUnder(what: string | undefined): readonly KeyReference[] {
  return keyReferences.filter(({ key }) => isUnder(key, what));
}

function isUnder(key: string, part: string | undefined): boolean {
  return part === undefined || key === part || key.startsWith(`${part}.`);
}

/** `arms.ra-rlhf.risk.alpha` belongs to what is said of `risk`. */
function isArmKeyUnder(key: string, part: string | undefined): boolean {
  if (!key.startsWith("arms.")) return false;
  const parts = key.split(".");
  const section = parts.findLastIndex((one, at) => at > 1 && Object.hasOwn(armSections, one));
  return section > 0 && isUnder(parts.slice(section).join("."), part);
}

function experimentOrKey(what: string): string {
  try {
    return experimentFile(what);
  } catch (error) {
    const looksLikeKey = /^[a-z_]+\.[a-z_]+$/.test(what);
    if (looksLikeKey && error instanceof UserError) throw new UserError(unknownKeyText(what));
    throw error;
  }
}

function unknownKeyText(key: string): string {
  const known = keyReferences.map((entry) => entry.key);
  const meant = nearestName(key, known);
  const hint =
    meant === null ? "`averse config explain` lists every key." : `Did you mean ${meant}?`;
  return `no configuration key is named ${JSON.stringify(key)}. ${hint}`;
}

function keyText(reference: KeyReference): string {
  const { key, expected, default: fallback, description, choices, meanings } = reference;
  const rest = fallback === undefined ? "required" : `default ${JSON.stringify(fallback)}`;
  const indented = [
    ...(description === "" ? [] : [description]),
    ...meanings.map((meaning, at) => `${choices[at]}: ${meaning}`),
  ];
  return [`${key}: ${expected}; ${rest}`, ...indented.map((line) => `    ${line}`)].join("\n");
}

interface ValueInForce {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
}

function valuesInForce({ experiment, origins }: LoadedExperiment): ValueInForce[] {
  const { arms, ...sections } = experiment;
  const own = leavesInLists(sections).map(([path, value]) =>
    inForce(path.join("."), value, origins),
  );
  const ofArms = Object.entries(arms).flatMap(([arm, config]) => {
    const changed = leavesInLists({ ...config }).filter(([path, value]) => {
      const base = valueAtKey(sections, path);
      return path[0] !== "stage" && JSON.stringify(base) !== JSON.stringify(value);
    });
    return changed.map(([path, value]) =>
      inForce(`arms.${arm}.${path.join(".")}`, value, origins, "known arm"),
    );
  });
  return [inForce("arms", Object.keys(arms), origins), ...own, ...ofArms];
}

function inForce(
  key: string,
  value: unknown,
  origins: LoadedExperiment["origins"],
  otherwise = "default",
): ValueInForce {
  return { key, value, origin: origins[key] ?? otherwise };
}
