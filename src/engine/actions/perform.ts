/** One action of one trial, performed on its worker; the answer is the event that ends it. */

import { namedJudges, rewardComponents } from "../../config/rewards/components.js";
import type { EventPayload } from "../../journal/events.js";
import type { TrialAction } from "../action.js";
import { type TrialContext, workerOf } from "../trial-context.js";
import { checkpoint, restore } from "./checkpoint.js";
import { evaluate } from "./evaluate.js";
import { load, open } from "./load.js";
import { sft } from "./sft.js";
import { iterate } from "./step.js";

/** @throws whatever went wrong; `failureFacts` reads it */
export async function perform(action: TrialAction, context: TrialContext): Promise<EventPayload> {
  if (action.kind !== "step") {
    context.stepEndedAt = null;
  }
  switch (action.kind) {
    case "open":
      return open(action, context);
    case "load":
      return load(action, context);
    case "restore":
      return restore(action, context);
    case "sft":
      return sft(context);
    case "step":
      return iterate(action, context);
    case "evaluate":
      return evaluate(action, context);
    case "checkpoint":
      return checkpoint(action, context);
    case "export":
      return exportModel(action.step, context);
    case "finish": {
      await (servesOthers(context) ? giveBack(context) : leave(context));
      return { type: "trial_finished", seconds: context.ports.clock() - context.startedAt };
    }
    case "release": {
      await leave(context);
      return { type: "trial_interrupted", step: action.step, saved: action.saved };
    }
  }
}

async function leave(context: TrialContext): Promise<void> {
  context.loaded = null;
  await context.worker?.close();
}

/**
 * Whether the next trial may have its worker: what a `load` leaves behind is known to every engine,
 * but not what a user's own Python function keeps between its calls.
 */
function servesOthers({ experiment, trial, ports, worker }: TrialContext): boolean {
  const scorers = [
    ...rewardComponents(trial.config.reward),
    ...namedJudges(experiment.evaluation.judges),
  ];
  const known = scorers.every(({ kind }) => kind !== "python");
  return ports.spares !== undefined && worker !== null && known;
}

async function giveBack(context: TrialContext): Promise<void> {
  const worker = workerOf(context);
  context.loaded = null;
  context.worker = null;
  context.ports.spares?.giveBack(worker);
}

async function exportModel(step: number, context: TrialContext): Promise<EventPayload> {
  const { trial, ports } = context;
  const averaged = step > 0 && trial.config.training.ema_decay > 0;
  const folder = ports.recorder.prepare(trial.id, "model", step);
  const exported = await workerOf(context).call(
    "export",
    { path: folder, weights: averaged ? "ema" : "current" },
    context.onProgress,
  );
  const { path } = ports.recorder.complete(trial.id, "model", step, exported.files);
  return { type: "model_exported", path, files: exported.files, bytes: exported.bytes };
}
