/**
 * `averse evaluate MODEL… --with EXPERIMENT`: models scored as an experiment scores its arms, without
 * training. What comes of it is a run: with one arm `base`, or one arm per model.
 */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type LoadedExperiment, loadExperiment } from "../../config/load.js";
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { runFiles } from "../../store/paths.js";
import { type ExitCode, UserError } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { checkFolderForRun } from "../lookup/runs.js";
import { executeNewRun, type NewRunOptions, usableSpec } from "../run/execute-run.js";
import { requirePreflight } from "../run/run-preflight.js";
import type { Terminal } from "../terminal.js";
import { placeOfNewRun } from "./run.js";

export interface EvaluateOptions extends Omit<NewRunOptions, "detachment"> {
  /** EXPERIMENT: its rewards, judges, data and evaluation are taken. */
  readonly with: string;
  readonly set: readonly string[];
  /** Undefined: the first of the experiment's seeds. */
  readonly seed?: number;
}

/**
 * @param models folders, folders of a run's trial, or hub ids
 * @throws {UserError} a model cannot be evaluated, or an override is what an argument says
 * @throws {ConfigError} with every problem of experiment, overrides and models
 */
export async function evaluateModels(
  models: readonly string[],
  options: EvaluateOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  refuseOverrides(options.set);
  const [parent, option] = placeOfNewRun(options);
  checkFolderForRun(parent, option);
  const loaded = loadedFor(models, options);
  const { origins, written } = loaded;
  await usableSpec(loaded.experiment);
  const warnings = await requirePreflight(loaded, parent, terminal);
  const given = { origins, written_paths: written };
  const how = { ...options, detachment: null };
  return (await executeNewRun(loaded.experiment, given, how, terminal, warnings)).exit;
}

/** The experiment with the models as its arms. */
function loadedFor(
  models: readonly string[],
  { with: name, set, seed }: EvaluateOptions,
): LoadedExperiment {
  const file = experimentFile(name);
  const own = models.map((model) =>
    loadExperiment(file, [
      // Of another model than the experiment's; `--set` may say otherwise.
      "policy.revision=null",
      "policy.lora_rank=0",
      "policy.quantize=none",
      "evaluation.every=0",
      ...withoutSweep,
      ...set,
      `policy.model=${JSON.stringify(folderOf(model))}`,
      "arms=[base]",
      ...(seed === undefined ? [] : [`seeds=[${seed}]`]),
    ]),
  );
  const [first] = own;
  const { experiment } = first!;
  const policies = own.map((one) => one.experiment.policy);
  const base = experiment.arms.base!;
  const arms: Record<string, ArmConfig> =
    policies.length === 1
      ? { base }
      : Object.fromEntries(
          armNames(policies.map(({ model }) => model)).map((arm, at) => {
            const { model, revision, trust_remote_code } = policies[at]!;
            return [arm, { ...base, policy: { model, revision, trust_remote_code } }];
          }),
        );
  const evaluated: Experiment = {
    ...experiment,
    name: `${experiment.name.slice(0, 64 - ending.length)}${ending}`,
    seeds: experiment.seeds.slice(0, 1),
    arms,
  };
  return { ...first!, experiment: evaluated };
}

const ending = "-evaluation";

/** There is nothing to sweep. */
const withoutSweep = ["sweep={grid: {}, arms: null, random: null, halving: null}"];

/** A folder's absolute path, of a trial that of its model; else the model as it was written. */
function folderOf(model: string): string {
  if (model === "builtin" || !isFolder(model)) return model;
  const folder = resolve(model);
  if (existsSync(join(folder, "config.json"))) return folder;
  if (existsSync(join(folder, runFiles.manifest)) && isFolder(join(folder, "trials"))) {
    throw new UserError(
      `${model} is a run, not a model: name the model of a trial, as in ` +
        `${join(model, "trials", "ra-rlhf-s0")}. \`averse show ${model}\` lists its trials.`,
    );
  }
  const exported = join(folder, "model");
  return existsSync(join(exported, "config.json")) ? exported : folder;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A trial's model is called as its trial, any other by the last part of its name; each once. */
function armNames(models: readonly string[]): string[] {
  const names: string[] = [];
  for (const model of models) {
    const last = basename(model);
    const inTrial = last === "model" && basename(dirname(dirname(model))) === "trials";
    const plain = (inTrial ? basename(dirname(model)) : last)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "")
      .slice(0, 58);
    const wanted = plain === "" ? "model" : plain;
    let name = wanted;
    for (let again = 2; names.includes(name); again += 1) name = `${wanted}-${again}`;
    names.push(name);
  }
  return names;
}

/** What is given in another way would be overruled in silence. */
function refuseOverrides(set: readonly string[]): void {
  for (const text of set) {
    const key = text.split("=")[0]!.trim();
    const instead =
      key === "arms" || key.startsWith("arms.")
        ? "the models are the arms, and nothing is trained"
        : key === "policy.model"
          ? "give the model as an argument"
          : key === "seeds"
            ? "use --seed"
            : null;
    if (instead !== null) throw new UserError(`--set ${text}: \`averse evaluate\`: ${instead}.`);
  }
}
