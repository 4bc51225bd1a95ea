/**
 * The stages whose models a trial loads: taken over from where results are kept, or trained first,
 * by the worker of the first trial that needs them.
 */
import {
  inBuildOrder,
  stageReferences,
  withStagesReplaced,
} from "../../config/stages/references.js";
import type { EventPayload } from "../../journal/events.js";
import { commands, type Payload } from "../../protocol/messages.js";
import { streamSeed } from "../../stats/random.js";
import { RecordError } from "../../system/record-error.js";
import { artifactDigest } from "../artifact-digest.js";
import { TrialError } from "../failure.js";
import type { ArtifactBuild, ObtainedArtifact, StoredArtifact, WantedArtifact } from "../ports.js";
import { type TrialContext, workerOf } from "../trial-context.js";
import { stagePayloadFor } from "./stage-payload.js";

type StageReady = Extract<EventPayload, { type: "stage_ready" }>;

/**
 * The payload with every `stage:NAME` replaced by the folder of that stage's model.
 *
 * @param device null: the configured one
 * @throws {TrialError} of kind `input`: the engine trains no stages; of kind `environment`: a stage
 *   would not be the one that this run has used
 */
export async function withStageModels(
  payload: Payload<"load">,
  device: string | null,
  context: TrialContext,
): Promise<Payload<"load">> {
  const named = new Set(stageReferences(payload).map(({ name }) => name));
  const folders = new Map<string, string>();
  const folderOf = (name: string) => folders.get(name)!;
  for (const name of inBuildOrder(context.experiment.stages, named)) {
    folders.set(name, (await stageModel(name, folderOf, device, context)).folder);
  }
  return named.size === 0 ? payload : withStagesReplaced(payload, folderOf);
}

async function stageModel(
  name: string,
  folderOf: (name: string) => string,
  device: string | null,
  context: TrialContext,
): Promise<StoredArtifact> {
  const { experiment, ports, stages } = context;
  const recorded = stages.digest(name);
  const kept = recorded === null ? null : await keptModel(name, recorded, context);
  if (kept !== null) {
    return kept;
  }
  const worker = workerOf(context);
  if (!worker.hello.capabilities.stages) {
    throw new TrialError(
      "input",
      `the worker's engine ${worker.hello.engine} trains no stages: remove stages.${name}, and name ` +
        "a model that is there in its place",
      `stages.${name}`,
    );
  }
  const payload = stagePayloadFor(experiment, name, folderOf, device);
  const { kind } = payload.stage;
  const seed = streamSeed(experiment.stages[name]!.seed, "stage", 0);
  const described = await worker.call("describe_stage", payload, context.onProgress);
  const digest = artifactDigest(kind, { stage: described.digest, seed });
  if (recorded !== null && digest !== recorded) {
    throw new TrialError(
      "environment",
      `stage ${name} has changed since this run began: its inputs, the machine or the worker are not ` +
        `what they were (digest ${digest}; the run recorded ${recorded}), and its model is not kept any ` +
        `more in ${ports.artifacts.directory}: restore what was changed and resume, or start a new run`,
      `stages.${name}`,
    );
  }
  const obtained = await obtainArtifact(
    `the model of stage ${name}`,
    { digest, kind, name, inputs: inputsOf(described.digests) },
    async (path) => {
      const trained = await worker.call(
        "train_stage",
        { seed, path, ...payload },
        context.onProgress,
      );
      requireSameInputs(name, described.digests, trained.digests);
      const { files, bytes, seconds, figures, curve, versions } = trained;
      const { nondeterminism } = described;
      return { files, bytes, seconds, result: { figures, curve, versions, nondeterminism } };
    },
    context,
  );
  context.note(readyEvent(name, kind, obtained));
  return obtained.artifact;
}

/** Of a stage that this run has used before; null: it has to be made again. */
async function keptModel(
  name: string,
  digest: string,
  { ports, note }: TrialContext,
): Promise<StoredArtifact | null> {
  try {
    return await ports.artifacts.find(digest);
  } catch (error) {
    if (!isDamage(error)) {
      throw error;
    }
    const message = `the model of stage ${name} is damaged and is made again: ${error.message}`;
    note({ type: "warning", message });
    return null;
  }
}

function readyEvent(
  name: string,
  kind: StageReady["kind"],
  { artifact, reused }: ObtainedArtifact,
): StageReady {
  const { digest, folder: path, files, bytes, seconds } = artifact;
  // As this protocol has it: the version is part of the digest.
  const told = commands.train_stage.result.pick({ figures: true, curve: true });
  const { figures, curve } = told.parse({
    figures: artifact.result.figures,
    curve: artifact.result.curve,
  });
  const facts = { name, kind, digest, path, files: { ...files }, bytes, reused, seconds };
  return { type: "stage_ready", ...facts, figures, curve };
}

/** Inputs that change between the two commands would be kept under a digest that is not theirs. */
function requireSameInputs(
  name: string,
  described: Record<string, Record<string, string>>,
  trained: Record<string, Record<string, string>>,
): void {
  for (const [role, files] of Object.entries(described)) {
    const changed = Object.keys({ ...files, ...trained[role] }).find(
      (file) => files[file] !== trained[role]?.[file],
    );
    if (changed !== undefined) {
      throw new TrialError(
        "environment",
        `stages.${name}.${role} was changed while the stage was trained: its ${changed}; resume ` +
          "once it stays as it is",
        `stages.${name}.${role}`,
      );
    }
  }
}

function inputsOf(digests: Record<string, Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(digests).filter(([, own]) => Object.keys(own).length > 0),
  );
}

/**
 * Obtains an artifact, and journals who makes it: this run, or another one that is waited for.
 *
 * @param what in words, for the warning that a damaged one was found
 */
export async function obtainArtifact(
  what: string,
  wanted: WantedArtifact & { readonly kind: StageReady["kind"] },
  build: ArtifactBuild,
  context: TrialContext,
): Promise<ObtainedArtifact> {
  const { name, kind, digest } = wanted;
  let maker: string | null | undefined;
  const tell = (waits_for: string | null) => {
    if (waits_for !== maker) context.note({ type: "stage_started", name, kind, digest, waits_for });
    maker = waits_for;
  };
  try {
    return await context.ports.artifacts.obtain(
      wanted,
      (folder) => {
        context.waits = false;
        if (kind !== "sft" || maker !== undefined) tell(null);
        return build(folder);
      },
      {
        waiting: (holder) => {
          context.waits = true;
          tell(holder);
          context.onProgress({
            phase: "wait",
            done: 0,
            total: 0,
            unit: `for ${holder}`,
            loss: null,
          });
        },
        damaged: (message) => {
          const text = `${what} is damaged and is made again: ${message}`;
          context.note({ type: "warning", message: text });
        },
        abandoned: context.abandoned,
      },
    );
  } finally {
    context.waits = false;
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof RecordError && (error.reason === "damaged" || error.reason === "missing");
}
