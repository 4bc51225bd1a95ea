/**
 * Supervised fine-tuning, or a checkpoint that was saved right after the very same: what follows is
 * bit-identical either way. It is kept for other experiments by the digest of all that went into it.
 */
import type { EventPayload } from "../../journal/events.js";
import { commands, type Payload, type Result } from "../../protocol/messages.js";
import { streamSeed } from "../../stats/random.js";
import { artifactDigest } from "../artifact-digest.js";
import { failureFacts } from "../failure.js";
import type { ObtainedArtifact } from "../ports.js";
import { loadedOf, type TrialContext, workerOf } from "../trial-context.js";
import { obtainArtifact } from "./stages.js";

type SftFinished = Extract<EventPayload, { type: "sft_finished" }>;

/** @throws what the worker's `sft` or `restore` throws */
export async function sft(context: TrialContext): Promise<SftFinished> {
  const { steps, epochs, learning_rate_schedule, lora_rank, lora_alpha, ...settings } =
    context.experiment.sft;
  const payload = {
    seed: streamSeed(context.trial.seed, "sft", 0),
    steps: epochs === null ? steps : null,
    epochs,
    learning_rate_decay: learning_rate_schedule,
    ...settings,
  };
  // Without checkpoints there is nothing that another trial could take over.
  if (!workerOf(context).hello.capabilities.checkpoint) {
    return finished(await train(payload, context), null);
  }
  let trained: Result<"sft"> | null = null;
  let obtained: ObtainedArtifact;
  try {
    obtained = await obtain(payload, context, (result) => {
      trained = result;
    });
  } catch (error) {
    const { reason, message } = failureFacts(error);
    if (reason !== "environment") {
      throw error;
    }
    // Where it cannot be kept, it costs the next experiment time, not this run.
    const text = `the result of SFT is not kept for other experiments: ${message}`;
    context.note({ type: "warning", message: text });
    return finished(trained ?? (await train(payload, context)), null);
  }
  const { artifact, reused } = obtained;
  context.fineTuned = artifact;
  if (reused) {
    await workerOf(context).call("restore", { path: artifact.folder }, context.onProgress);
  }
  // As this protocol has it: the version is part of the digest.
  const result = commands.sft.result.parse(artifact.result);
  return finished(result, { digest: artifact.digest, reused });
}

function obtain(
  payload: Payload<"sft">,
  context: TrialContext,
  onTrained: (result: Result<"sft">) => void,
): Promise<ObtainedArtifact> {
  const { sftDigest, inputs } = loadedOf(context);
  const digest = artifactDigest("sft", { worker: sftDigest, payload });
  return obtainArtifact(
    "the kept result of SFT",
    { digest, kind: "sft", name: context.trial.id, inputs },
    async (path) => {
      const result = await train(payload, context);
      onTrained(result);
      const { files, bytes } = await workerOf(context).call("save", { path }, context.onProgress);
      return { files, bytes, seconds: result.seconds, result: { ...result } };
    },
    context,
  );
}

function train(payload: Payload<"sft">, context: TrialContext): Promise<Result<"sft">> {
  return workerOf(context).call("sft", payload, context.onProgress);
}

function finished(
  { texts: _, ...result }: Result<"sft">,
  artifact: SftFinished["artifact"],
): SftFinished {
  return { type: "sft_finished", artifact, ...result };
}
