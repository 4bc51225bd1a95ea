/** Experiments, runs and ports of a made-up checkout, and keys as a user presses them. */

import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError, problemLine } from "../../../src/config/problems.js";
import type { Experiment } from "../../../src/config/schema/experiment.js";
import { planTrials } from "../../../src/config/trials.js";
import type { RunSummary } from "../../../src/run-model/run-summary.js";
import type { ExperimentEntry, FormCheck } from "../../../src/tui/launcher/launcher-ports.js";
import { LauncherScreen } from "../../../src/tui/launcher/launcher-screen.js";
import {
  emptyLauncher,
  foundExperiments,
  foundRuns,
  type LauncherState,
  type LauncherStep,
  launcherAfterKey,
} from "../../../src/tui/launcher/launcher-state.js";
import { type KeyName, type KeyPress, keyNames } from "../../../src/tui/terminal/keys.js";
import type { TerminalSize } from "../../../src/tui/terminal/terminal-context.js";
import { drawn, rich } from "../drawn.js";

export const now = new Date("2026-11-23T12:00:00Z");

/** The very file of the checkout, read as the program reads it. */
export const quickstartFile = "configs/experiments/quickstart.yaml";

export function check(id: string, overrides: readonly string[]): FormCheck {
  try {
    const file = `configs/experiments/${id}.yaml`;
    const { experiment } = loadExperiment(file, overrides);
    const trials = planTrials(experiment).length;
    return { ok: true, experiment, trials, parallel: 2, seconds: 58 * trials };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ok: false, problems: error.problems.map(problemLine) };
  }
}

export function experiment(id: string, changes: Partial<ExperimentEntry> = {}): ExperimentEntry {
  const loaded: Experiment = loadExperiment(`configs/experiments/${id}.yaml`, []).experiment;
  const arms = Object.keys(loaded.arms);
  const { purpose, seeds, risk, training } = loaded;
  return {
    id,
    purpose,
    arms,
    seeds,
    seconds: null,
    problems: [],
    settings: {
      arms,
      knownArms: [...arms, "base", ...(arms.includes("random-drop") ? [] : ["random-drop"])],
      texts: {
        seeds: seeds.join(","),
        alpha: String(risk.alpha),
        warmup: String(risk.warmup),
        rho: String(risk.rho),
        iterations: String(training.iterations),
        beta: String(loaded.kl.beta),
        learningRate: String(training.learning_rate),
        batch: String(training.batch),
        completions: String(training.completions),
        data: "builtin",
        model: loaded.policy.model,
        reward: "builtin",
        parallel: "0",
      },
      keys: {
        seeds: "seeds",
        alpha: "risk.alpha",
        warmup: "risk.warmup",
        rho: "risk.rho",
        iterations: "training.iterations",
        beta: "kl.beta",
        learningRate: "training.learning_rate",
        batch: "training.batch",
        completions: "training.completions",
        data: "data.path",
        model: "policy.model",
        reward: "reward.model",
        parallel: "trials.parallel",
      },
      choices: { worker: "local", device: "auto" },
      options: { worker: ["fake", "local", "remote"], device: ["auto", "cpu", "cuda", "mps"] },
    },
    ...changes,
  };
}

export const experiments: readonly ExperimentEntry[] = [
  experiment("quickstart", { seconds: 287 }),
  experiment("quickstart-seeds"),
  experiment("smoke", { seconds: 3.4 }),
];

export function run(id: string, changes: Partial<RunSummary> = {}): RunSummary {
  return {
    id,
    directory: `/runs/${id}`,
    name: id.slice(0, id.lastIndexOf("-")),
    purpose: "what happens to the tail",
    state: "done",
    started: "2026-11-23T09:00:00.000Z",
    finished: null,
    trials: 5,
    trialsDone: 5,
    trial: "ra-rlhf-s0",
    step: 60,
    iterations: 60,
    cvar: -2.508,
    etaSeconds: null,
    message: null,
    title: "",
    tags: [],
    note: "",
    ...changes,
  };
}

export const runs: readonly RunSummary[] = [
  run("quickstart-0badc0de", {
    state: "failed",
    started: "2026-11-22T08:00:00.000Z",
    trialsDone: 2,
    trial: "rlhf-s0",
    step: 12,
    cvar: null,
    message: "\u001b[2Jout of memory in `update`: lower training.minibatch",
  }),
  run("quickstart-1a2b3c4d"),
  run("quickstart-77777777", {
    state: "running",
    started: "2026-11-23T11:57:00.000Z",
    trialsDone: 3,
    etaSeconds: 94,
    step: 24,
  }),
  run("smoke-5e5e5e5e", {
    state: "paused",
    started: "2026-11-20T09:00:00.000Z",
    trials: 3,
    trialsDone: 0,
    trial: null,
    step: null,
    iterations: null,
    cvar: null,
  }),
];

export const launcher: LauncherState = foundRuns(
  foundExperiments(emptyLauncher, experiments),
  runs,
);
export const firstTime: LauncherState = foundRuns(foundExperiments(emptyLauncher, experiments), []);

/** `"enter"` is the key, `"text:abc"` types, any other one character is itself. */
export function presses(...keys: readonly string[]): KeyPress[] {
  return keys.flatMap((key): KeyPress[] => {
    if ((keyNames as readonly string[]).includes(key)) {
      return [{ kind: "named", name: key as KeyName }];
    }
    const text = key.startsWith("text:") ? key.slice("text:".length) : key;
    return [...text].map((character) => ({ kind: "character", text: character }));
  });
}

export function afterKeys(state: LauncherState, ...keys: readonly string[]): LauncherState {
  return steps(state, ...keys).state;
}

/** The state after all keys, and what the last one asked for. */
export function steps(state: LauncherState, ...keys: readonly string[]): LauncherStep {
  return presses(...keys).reduce<LauncherStep>(
    (step, key) => launcherAfterKey(step.state, key, { check, mostScroll: 20 }),
    { state, effect: null },
  );
}

/** As a terminal sends these keys. */
export function typed(...keys: readonly string[]): string {
  return presses(...keys)
    .map((press) => (press.kind === "named" ? sent[press.name] : press.text))
    .join("");
}

const sent: Readonly<Record<KeyName, string>> = {
  up: "\u001b[A",
  down: "\u001b[B",
  right: "\u001b[C",
  left: "\u001b[D",
  end: "\u001b[F",
  home: "\u001b[H",
  "page-up": "\u001b[5~",
  "page-down": "\u001b[6~",
  enter: "\r",
  escape: "\u001b",
  tab: "\t",
  "shift-tab": "\u001b[Z",
  backspace: "\u007f",
  "ctrl-c": "\u0003",
  "ctrl-r": "\u0012",
  "ctrl-u": "\u0015",
  "ctrl-z": "\u001a",
};

/** As it stands on the terminal. */
export function frameOf(state: LauncherState, size: TerminalSize, style = rich): string {
  return drawn(<LauncherScreen state={state} now={now} />, size, style);
}
