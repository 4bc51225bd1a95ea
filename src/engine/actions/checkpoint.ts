/** Saving a trial's state, and taking it up again. */

import type { EventPayload } from "../../journal/events.js";
import type { Result } from "../../protocol/messages.js";
import { isEmpty } from "../../risk/memory.js";
import { WorkerFailure } from "../../worker/contract.js";
import type { TrialAction } from "../action.js";
import { failureFacts } from "../failure.js";
import { type TrialContext, workerOf } from "../trial-context.js";

type Saving = Extract<TrialAction, { kind: "checkpoint" }>;
type Restoring = Extract<TrialAction, { kind: "restore" }>;

/**
 * A machine that cannot take the files (a full disk) costs the run this checkpoint, not itself:
 * what was saved before is as it was.
 */
export async function checkpoint(action: Saving, context: TrialContext): Promise<EventPayload> {
  const { step, beta, compute, memory } = action;
  const { trial, ports } = context;
  const { recorder } = ports;
  const startedAt = ports.clock();
  try {
    const saved = await saveInto(step, context);
    const carried = isEmpty(memory) ? {} : { memory };
    const position = { trial: trial.id, step, beta, compute, ...carried };
    const part = recorder.complete(trial.id, "checkpoint", step, saved.files, position);
    const seconds = ports.clock() - startedAt;
    return { type: "checkpoint_saved", step, ...part, bytes: saved.bytes, seconds };
  } catch (error) {
    const { reason, message } = failureFacts(error);
    if (reason !== "environment") {
      throw error;
    }
    recorder.abandon(trial.id, "checkpoint", step);
    return { type: "checkpoint_failed", step, message };
  }
}

/** Right after SFT the very same is kept already: two names for one file cost no space. */
async function saveInto(
  step: number,
  context: TrialContext,
): Promise<Pick<Result<"save">, "files" | "bytes">> {
  const { trial, ports, fineTuned } = context;
  const folder = ports.recorder.prepare(trial.id, "checkpoint", step);
  if (fineTuned !== null && ports.recorder.link(fineTuned, folder)) {
    return fineTuned;
  }
  const empty = fineTuned === null ? folder : ports.recorder.prepare(trial.id, "checkpoint", step);
  return await workerOf(context).call("save", { path: empty }, context.onProgress);
}

/** A damaged checkpoint is reported; an older one takes its place. */
export async function restore(action: Restoring, context: TrialContext): Promise<EventPayload> {
  const { step, path, digest, older: from } = action;
  const { ports } = context;
  const startedAt = ports.clock();
  let folder: string;
  try {
    folder = await ports.recorder.intact(path, digest);
  } catch (error) {
    const { reason, message } = failureFacts(error);
    if (reason !== "environment") {
      throw error;
    }
    return { type: "checkpoint_damaged", step, path, message, from };
  }
  try {
    await workerOf(context).call("restore", { path: folder }, context.onProgress);
  } catch (error) {
    throw explained(error, path);
  }
  return { type: "restored", step, path, seconds: ports.clock() - startedAt };
}

/** The files are what was written, so that a refusal is a matter of versions, not of damage. */
function explained(error: unknown, path: string): unknown {
  if (!(error instanceof WorkerFailure) || error.kind !== "input") {
    return error;
  }
  const message = `the worker refuses the checkpoint ${path}, which is intact: ${error.message}`;
  return new WorkerFailure(error.command, "environment", message, error.key, error.detail);
}
