/** `averse sweep`: an experiment at many settings, planned, then run as one run of many arms. */
import { loadExperiment } from "../../config/load.js";
import { ConfigError, problemLine } from "../../config/problems.js";
import { RunList } from "../../store/run-list.js";
import { safeText } from "../../text/safe-text.js";
import { readWorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { PastTrials } from "../lookup/trial-times.js";
import { hardware, hardwareFor } from "../machine/hardware.js";
import { packageRoot } from "../machine/package.js";
import { detach, logOfNewRun, takeDetachment } from "../run/detach.js";
import { executeNewRun, usableSpec } from "../run/execute-run.js";
import { runPreflight } from "../run/run-preflight.js";
import { sweepPlan, sweepPlanText } from "../run/sweep-plan.js";
import type { Terminal } from "../terminal.js";
import { placeOfNewRun, type RunCommandOptions } from "./run.js";

export interface SweepOptions extends RunCommandOptions {
  /** `key=a,b`, or `key=lo..hi`. */
  readonly grid: readonly string[];
  /** How many, or which. */
  readonly seeds?: string;
  readonly arms?: string;
  readonly random?: string;
  /** A figure; true: the default one. */
  readonly halving?: string | true;
  readonly planOnly: boolean;
}

/**
 * @throws {UserError} there is no grid, neither in the file nor as an option
 * @throws {ConfigError} with every problem of experiment and options
 */
export async function sweep(
  name: string,
  options: SweepOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const detachment = takeDetachment();
  const [parent, option] = placeOfNewRun(options);
  const file = experimentFile(name);
  const loaded = loadExperiment(file, [...options.set, ...overridesOf(options)]);
  const { experiment, origins, written } = loaded;
  if (experiment.sweep.points.length === 0) {
    throw new UserError(
      `${file} has no sweep.grid: name the keys that vary, as in --grid risk.alpha=0.2,0.4.`,
    );
  }
  const usable = options.planOnly ? null : await usableSpec(experiment);
  const checks = await runPreflight(loaded, { runs: parent, offline: options.planOnly }, terminal);
  if (checks.problems.length > 0) throw new ConfigError(checks.problems);
  const json = options.json && detachment === null;
  if (detachment === null) {
    const past = await new PastTrials().of(new RunList(options.runs).read());
    const disk = checks.checked.find(({ what }) => what === "disk")?.found ?? null;
    const spec = usable ?? readWorkerSpec(experiment.backend.worker, packageRoot);
    const plan = sweepPlan(experiment, hardwareFor(spec, hardware()), past, disk);
    const text = sweepPlanText(experiment.name, plan);
    if (options.planOnly) {
      terminal.out(json ? JSON.stringify({ type: "plan", name: experiment.name, ...plan }) : text);
      return exitCode.done;
    }
    if (json) terminal.err(text);
    else terminal.out(text);
    if (options.detach) return detach(logOfNewRun(parent, option), options, terminal);
  }
  const warnings = checks.warnings.map((warning) => `warning: ${safeText(problemLine(warning))}`);
  const given = { origins, written_paths: written };
  const how = { ...options, json, detachment };
  return (await executeNewRun(experiment, given, how, terminal, warnings)).exit;
}

/** @throws {UserError} an option is not of its form */
function overridesOf({ grid, seeds, arms, random, halving }: SweepOptions): string[] {
  const keys = new Set<string>();
  for (const text of grid) {
    const [, key, values = ""] = /^([^=\s]+)=(.+)$/.exec(text) ?? [];
    const isList = !/^\s*\[/.test(values);
    if (key === undefined || (isList && values.split(",").some((value) => value.trim() === ""))) {
      throw new UserError(
        `--grid ${text}: write key=value,value, as in --grid risk.alpha=0.2,0.4.`,
      );
    }
    if (keys.has(key)) {
      throw new UserError(
        `--grid ${key} is given twice: name all its values at once, as in --grid ${key}=a,b,c.`,
      );
    }
    keys.add(key);
  }
  return [
    ...grid.map((text) => `sweep.grid.${text}`),
    ...(seeds === undefined ? [] : [`seeds=[${seedsOf(seeds).join(", ")}]`]),
    ...(arms === undefined ? [] : [`sweep.arms=[${arms}]`]),
    ...(random === undefined ? [] : [`sweep.random=${random}`]),
    ...(halving === undefined
      ? []
      : [`sweep.halving=${halving === true ? defaultFigure : halving}`]),
  ];
}

/** What the method is about: the worst prompts. */
const defaultFigure = "tail_reward";

const mostSeeds = 1000;

/** `3`: 0, 1, 2 · `4,7`: these · `7,`: this one, as Python writes a tuple of one. */
function seedsOf(text: string): number[] {
  const isList = text.includes(",");
  const numbers = text
    .replace(/,\s*$/, "")
    .split(",")
    .map((part) => part.trim());
  if (numbers.every((part) => /^\d+$/.test(part))) {
    if (isList) return numbers.map(Number);
    const count = Number(text);
    if (count >= 1 && count <= mostSeeds) return Array.from({ length: count }, (_, seed) => seed);
  }
  throw new UserError(
    `--seeds ${text}: expected a number of seeds from 1 to ${mostSeeds}, as in 3, or seeds with a comma, as in 0,1,2 or 7, (the seed 7 alone).`,
  );
}
