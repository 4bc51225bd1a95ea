/** `<experiment>` of the command line: a path, or a name in configs/experiments. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { armPresets } from "../../config/arms.js";
import { loadExperiment } from "../../config/load.js";
import { ConfigError, problemLine } from "../../config/problems.js";
import { sectionNames } from "../../config/reference.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { parseYaml, readConfigText } from "../../config/yaml.js";
import { type Hardware, planRun } from "../../engine/plan.js";
import { nearestName } from "../../text/nearest-name.js";
import {
  type ExperimentEntry,
  type FormCheck,
  type Settings,
  type TextSetting,
  textSettings,
} from "../../tui/launcher/launcher-ports.js";
import { readWorkerSpec } from "../../worker/spec.js";
import { workerFiles } from "../../worker/worker-files.js";
import { UserError } from "../failure-text.js";
import { hardwareFor } from "../machine/hardware.js";
import { packageRoot } from "../machine/package.js";
import { estimatedSeconds, type PastTrial } from "./trial-times.js";

const folder = join("configs", "experiments");

/**
 * A name is looked up in the working directory's configs first, then in the package's.
 *
 * @throws {UserError} nothing has that name; says which names there are
 */
export function experimentFile(experiment: string, workingDirectory = process.cwd()): string {
  if (/[/\\]|\.ya?ml$/i.test(experiment)) return experiment;
  const folders = [join(workingDirectory, folder), join(packageRoot, folder)];
  for (const candidate of folders) {
    const file = join(candidate, `${experiment}.yaml`);
    if (existsSync(file)) return shortPath(file, workingDirectory);
  }
  const known = [...new Set(folders.flatMap(experimentNames))].sort();
  const meant = nearestName(experiment, known);
  const list = known.length === 0 ? "there is none" : `there is ${known.join(", ")}`;
  throw new UserError(
    `no experiment is named ${JSON.stringify(experiment)}: in configs/experiments ${list}. ` +
      (meant === null
        ? "Use one of these names, or give the path of a YAML file."
        : `Did you mean ${meant}?`),
  );
}

function experimentNames(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) =>
    name.endsWith(".yaml") ? [name.slice(0, -5)] : [],
  );
}

function shortPath(file: string, workingDirectory: string): string {
  const path = relative(workingDirectory, file);
  return path.startsWith("..") ? file : path;
}

function problemsOf(error: unknown): string[] {
  return error instanceof ConfigError
    ? error.problems.map(problemLine)
    : [error instanceof Error ? error.message : String(error)];
}

function keyOf({ name, backend }: Experiment): { name: string; worker: string; device: string } {
  return { name, worker: backend.worker, device: backend.device };
}

interface Read {
  /** Of the file, as it was when it was read. */
  readonly at: string;
  /** False: another program's file. */
  readonly isExperiment: boolean;
  readonly experiment: Experiment | null;
  readonly problems: readonly string[];
}

/** YAML files of a folder that may be experiments, by name. */
function yamlFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[^.].*\.ya?ml$/i.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/**
 * Other programs have YAML files with a name, too: an experiment has one and a section of ours. One
 * that is malformed could be anybody's.
 */
function looksLikeExperiment(file: string): boolean {
  try {
    const { tree } = parseYaml(file, readConfigText(file));
    const keys = Object.keys(tree);
    return keys.includes("name") && keys.some((key) => sectionNames.includes(key));
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/**
 * The experiments of the current folder and of configs/experiments as the launcher lists them, and
 * their most common settings.
 */
export class ExperimentList {
  readonly #read = new Map<string, Read>();

  constructor(
    private readonly machine: Hardware,
    private readonly workingDirectory: string,
  ) {}

  /**
   * Files of the working directory, then by name, those that cannot be read last; of one name, the
   * working directory's before the package's. Files are read anew when they change.
   */
  look(past: readonly PastTrial[]): ExperimentEntry[] {
    const folders = [this.workingDirectory, packageRoot].map((root) =>
      join(root, "configs", "experiments"),
    );
    const names = [...new Set(folders.flatMap(experimentNames))].sort();
    const workers = workerFiles(packageRoot, this.workingDirectory).map(({ name }) => name);
    const own = yamlFiles(this.workingDirectory).filter((id) => this.#reading(id).isExperiment);
    const entries = [...own, ...names].map((id) => this.#entry(id, past, workers));
    // What can be started first: the first one gets the cursor.
    const [sound, broken] = [true, false].map((isSound) =>
      entries.filter(({ problems }) => (problems.length === 0) === isSound),
    );
    return [...sound!, ...broken!];
  }

  /** What a run with these overrides would be, or every problem, in the words of `averse run`. */
  check(id: string, overrides: readonly string[], past: readonly PastTrial[]): FormCheck {
    try {
      const file = this.#file(id);
      const { experiment } = loadExperiment(file, overrides);
      const { worker } = experiment.backend;
      const spec = readWorkerSpec(worker, packageRoot, this.workingDirectory);
      const plan = planRun(experiment, hardwareFor(spec, this.machine));
      return {
        ok: true,
        experiment,
        trials: plan.trials.length,
        parallel: plan.parallel,
        seconds: estimatedSeconds(plan, keyOf(experiment), past),
      };
    } catch (error) {
      return { ok: false, problems: problemsOf(error) };
    }
  }

  #entry(id: string, past: readonly PastTrial[], workers: readonly string[]): ExperimentEntry {
    const { experiment, problems } = this.#reading(id);
    if (experiment === null) {
      return { id, purpose: "", arms: [], seeds: [], seconds: null, settings: null, problems };
    }
    const { purpose, arms, seeds } = experiment;
    return {
      id,
      purpose,
      arms: Object.keys(arms),
      seeds,
      seconds: estimatedSeconds(planRun(experiment, this.machine), keyOf(experiment), past),
      settings: settingsOf(experiment, workers),
      problems,
    };
  }

  /** As `averse run` names it in its messages: relative where that is shorter. */
  #file(id: string): string {
    // `mine.yaml` is a file of the working directory, which need not be the process's.
    const file = experimentFile(id, this.workingDirectory);
    return isAbsolute(file) ? file : join(relative(process.cwd(), this.workingDirectory), file);
  }

  #reading(id: string): Read {
    const file = this.#file(id);
    const found = statSync(file, { throwIfNoEntry: false });
    const at = found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeMs}`;
    const known = this.#read.get(id);
    if (known !== undefined && known.at === at) {
      return known;
    }
    let read: Read;
    try {
      const { experiment } = loadExperiment(file, []);
      read = { at, isExperiment: true, experiment, problems: [] };
    } catch (error) {
      const isExperiment = looksLikeExperiment(file);
      read = { at, isExperiment, experiment: null, problems: problemsOf(error) };
    }
    this.#read.set(id, read);
    return read;
  }
}

const devices = ["auto", "cpu", "cuda", "mps"];

function settingsOf(experiment: Experiment, workers: readonly string[]): Settings {
  const { arms, seeds, risk, training, kl, policy, trials, backend } = experiment;
  const own = Object.keys(arms);
  const { worker, device } = backend;
  const settings: Readonly<Record<TextSetting, OneKey | null>> = {
    seeds: { key: "seeds", text: seeds.join(",") },
    alpha: { key: "risk.alpha", text: String(risk.alpha) },
    warmup: { key: "risk.warmup", text: String(risk.warmup) },
    rho: { key: "risk.rho", text: String(risk.rho) },
    iterations: { key: "training.iterations", text: String(training.iterations) },
    beta: { key: "kl.beta", text: String(kl.beta) },
    learningRate: { key: "training.learning_rate", text: String(training.learning_rate) },
    batch: { key: "training.batch", text: String(training.batch) },
    completions: { key: "training.completions", text: String(training.completions) },
    data: dataSetting(experiment),
    model: { key: "policy.model", text: policy.model },
    reward: rewardSetting(experiment),
    parallel: { key: "trials.parallel", text: String(trials.parallel) },
  };
  return {
    arms: own,
    knownArms: [...own, ...Object.keys(armPresets).filter((arm) => !own.includes(arm))],
    texts: mapped(settings, (one) => one?.text ?? ""),
    keys: mapped(settings, (one) => one?.key ?? null),
    choices: { worker, device },
    options: {
      worker: workers.includes(worker) ? workers : [worker, ...workers],
      device: devices.includes(device) ? devices : [device, ...devices],
    },
  };
}

/** A key of the configuration, and its value as it would be typed. */
interface OneKey {
  readonly key: string;
  readonly text: string;
}

function mapped<Value>(
  settings: Readonly<Record<TextSetting, OneKey | null>>,
  of: (setting: OneKey | null) => Value,
): Record<TextSetting, Value> {
  const entries = textSettings.map((name) => [name, of(settings[name])]);
  return Object.fromEntries(entries) as Record<TextSetting, Value>;
}

/** Null: the data are two files, or a mixture. */
function dataSetting({ data }: Experiment): OneKey | null {
  if (typeof data.hub === "string") {
    return { key: "data.hub", text: data.hub };
  }
  return typeof data.path === "string" ? { key: "data.path", text: data.path } : null;
}

/** Null: the reward has several components, or none that is a model. */
function rewardSetting({ reward }: Experiment): OneKey | null {
  return Array.isArray(reward) || typeof reward.model !== "string"
    ? null
    : { key: "reward.model", text: reward.model };
}
