/** What the dashboard would show of a run now, for lines and for scripts. */
import { planTrials } from "../../config/trials.js";
import {
  emptyRun,
  markStopped,
  type RunModel,
  type TrialModel,
} from "../../run-model/run-model.js";
import type { RunSource } from "../../run-model/run-source.js";
import { takeEntries, takeProgress } from "../../run-model/take-entries.js";
import { runEta } from "../../run-model/time-left.js";
import { gridLines } from "../../text/grid.js";
import { formatDuration, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";

/** All events of the run so far. @throws {RecordError} its journal cannot be read */
export function readModel(run: RunSource): RunModel {
  const now = Date.now() / 1000;
  let model = emptyRun(planTrials(run.experiment));
  for (const entries of run.read()) model = takeEntries(model, entries);
  // Its current phases arrive at once.
  run.listen({
    journal: () => {},
    progress: (progress) => {
      model = takeProgress(model, progress, now);
    },
    closed: () => {},
  })();
  return run.held ? model : markStopped(model);
}

/** As JSON, with the names that the journal uses. */
export function modelFacts(model: RunModel): object {
  return {
    state: model.state,
    message: model.message,
    eta_seconds: runEta(model, Date.now() / 1000),
    parallel: model.parallel,
    started: model.startedAt,
    last_event: model.lastAt,
    trials: Object.fromEntries(model.trials.map((trial) => [trial.id, trialFacts(trial)])),
    log: model.log,
  };
}

function trialFacts(trial: TrialModel): object {
  const { phase } = trial;
  return {
    arm: trial.arm,
    seed: trial.seed,
    stage: trial.stage,
    status: trial.status,
    iterations: trial.iterations,
    phase:
      phase === null
        ? null
        : { name: phase.name, done: phase.done, total: phase.total, unit: phase.unit },
    seconds_per_step: trial.pace,
    checkpoints: trial.checkpoints,
    model: trial.exported,
    restarts: trial.restarts,
    failed_rewards: trial.failedRewards,
    message: trial.message,
    worker: trial.worker,
    steps: trial.steps.map(({ head }) => head),
    evaluations: trial.evaluations.map(({ head }) => head),
  };
}

/** How the run stands, in lines: what it is, how it goes, and each trial. */
export function stateText(directory: string, model: RunModel): string {
  const eta = runEta(model, Date.now() / 1000);
  const ahead = model.state === "running" && eta !== null ? `, ${formatDuration(eta)} left` : "";
  const why = model.message === "" ? "" : `: ${safeText(model.message)}`;
  const rows = model.trials.map((trial) => {
    const { id, status, steps, iterations, checkpoints, phase } = trial;
    const last = steps.at(-1)?.head;
    return [
      id,
      status,
      iterations > 0 ? `${steps.length}/${iterations}` : "",
      last === undefined ? "" : formatNumber(last.cvar, 2),
      checkpoints.at(-1)?.toString() ?? "",
      phase === null ? "" : phaseText(phase),
    ];
  });
  const title = ["trial", "state", "iterations", "CVaR", "saved at", ""];
  const grid = gridLines([title, ...rows], ["left", "left", "right", "right", "right", "left"]);
  return [`${directory}: ${model.state}${ahead}${why}`, ...grid].join("\n");
}

function phaseText({ name, done, total, unit }: NonNullable<TrialModel["phase"]>): string {
  return safeText(total > 0 ? `${name} ${done}/${total} ${unit}` : name);
}
