/** What a manifest learns while its run continues. Pure: each answers a new manifest. */
import { determinismOf } from "../../analysis/determinism.js";
import {
  digestRole,
  judgeKey,
  namedJudges,
  rewardComponents,
  scorerSource,
} from "../../config/rewards/components.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials, type Trial } from "../../config/trials.js";
import type { JournalEvent } from "../../journal/events.js";
import { partFolder } from "../paths.js";
import { environmentDifferences } from "./environment-differences.js";
import type { Manifest, Provenance } from "./schema.js";
import { experimentOf } from "./text.js";

type EventOf<T extends JournalEvent["type"]> = Extract<JournalEvent, { type: T }>;

/** The manifest with what an event adds; the same object where that is nothing. */
export function manifestAfter(manifest: Manifest, event: JournalEvent): Manifest {
  const { trial } = event;
  if (trial === null) {
    return manifest;
  }
  switch (event.type) {
    case "worker_ready":
      return withLoaded(withPromptScores(manifest, event, trial), event, trial);
    case "stage_ready": {
      const { kind, name, digest } = event;
      return withArtifact(manifest, { kind, name, digest }, trial);
    }
    case "sft_finished": {
      const digest = event.artifact?.digest;
      return digest === undefined
        ? manifest
        : withArtifact(manifest, { kind: "sft", name: trial, digest }, trial);
    }
    case "model_exported":
      return withResult(manifest, trial, { model: event.files });
    case "evaluated":
      return event.final ? withResult(manifest, trial, { metrics: event.metrics }) : manifest;
    default:
      return manifest;
  }
}

/** Another controller has taken the run up. */
export function resumedManifest(manifest: Manifest, provenance: Provenance, time: Date): Manifest {
  const { command, process } = provenance;
  const differences = environmentDifferences(manifest, provenance);
  return {
    ...manifest,
    finished: null,
    outcome: null,
    message: null,
    process,
    resumed: [...manifest.resumed, { time: time.toISOString(), command, differences }],
    results: { ...manifest.results, journal: null, evaluation_sha256: null },
  };
}

/**
 * The run is over.
 *
 * @param journal number of its events, and the checksum of the last
 * @param evaluation sha256 of evaluation.json; null: there is none
 */
export function completedManifest(
  manifest: Manifest,
  { time, outcome, message }: EventOf<"run_finished">,
  journal: NonNullable<Manifest["results"]["journal"]>,
  evaluation: string | null,
): Manifest {
  const results = { ...manifest.results, journal, evaluation_sha256: evaluation };
  return { ...manifest, finished: time, outcome, message, results };
}

type UsedArtifact = Manifest["artifacts"]["used"][number];

function withArtifact(
  manifest: Manifest,
  artifact: Omit<UsedArtifact, "trials">,
  trial: string,
): Manifest {
  const { artifacts } = manifest;
  const used = withUser(artifacts.used, { ...artifact, trials: [trial] });
  return { ...manifest, artifacts: { ...artifacts, used } };
}

/** What cannot be kept has no digest. */
function withPromptScores(
  manifest: Manifest,
  event: EventOf<"worker_ready">,
  trial: string,
): Manifest {
  return Object.entries(event.prompt_scores).reduce(
    (current, [name, { digest }]) =>
      digest === null
        ? current
        : withArtifact(current, { kind: "prompt_scores", name, digest }, trial),
    manifest,
  );
}

function withLoaded(manifest: Manifest, event: EventOf<"worker_ready">, trial: string): Manifest {
  const { versions, models, data } = manifest;
  const { data: files = {}, prompts } = event.digests;
  const devices = withDevice(manifest.devices, event, trial);
  return {
    ...manifest,
    versions: withVersions(versions, event.versions),
    devices,
    determinism: determinismOf(devices.map(({ nondeterminism }) => nondeterminism)),
    models: loadedModels(models, experimentOf(manifest), event, trial),
    data: {
      ...data,
      files: { ...files, ...data.files },
      prompts: {
        train: data.prompts.train ?? prompts?.train ?? null,
        test: data.prompts.test ?? prompts?.test ?? null,
      },
    },
  };
}

/** What is known stays: the controller's own, and those of the first worker. */
function withVersions(
  known: Manifest["versions"],
  told: Readonly<Record<string, string>>,
): Manifest["versions"] {
  const added = Object.entries(told).filter(
    ([name]) => (known[name] ?? null) === null && !isModelKey(name),
  );
  return { ...known, ...Object.fromEntries(added) };
}

function withDevice(
  devices: Manifest["devices"],
  event: EventOf<"worker_ready">,
  trial: string,
): Manifest["devices"] {
  const { device, device_name: name, dtype, threads, processes, strategy } = event;
  const { nondeterminism, lacks } = event;
  const facts = { device, name, dtype, threads, processes, strategy, nondeterminism, lacks };
  return withUser(devices, { ...facts, trials: [trial] });
}

function withResult(
  manifest: Manifest,
  trial: string,
  result: Partial<Manifest["results"]["trials"][string]>,
): Manifest {
  const { results } = manifest;
  const before = results.trials[trial] ?? { metrics: null, model: null };
  const trials = { ...results.trials, [trial]: { ...before, ...result } };
  return { ...manifest, results: { ...results, trials } };
}

type Ready = Extract<JournalEvent, { type: "worker_ready" }>;
type Model = Manifest["models"][number];

/** A worker tells the commit of a model from the hub among its versions, under the model's key. */
function isModelKey(name: string): boolean {
  return (
    name === "reference" || /^(policy|reward(\.\d+)?|evaluation\.judges\.\d+)\.model$/.test(name)
  );
}

/** Files of a model folder that make its tokenizer (transformers' names). */
const tokenizerFile =
  /^(tokenizer.*\.json|vocab\.(json|txt)|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template\..*|.*\.model|.*\.tiktoken)$/;

/** One entry for each role, source and content: a second one of a role shows a change under way. */
function loadedModels(
  before: Manifest["models"],
  experiment: Experiment,
  ready: Ready,
  trial: string,
): Manifest["models"] {
  const planned = planTrials(experiment).find(({ id }) => id === trial);
  return planned === undefined
    ? before
    : modelsOf(experiment, planned, ready).reduce<Model[]>(withUser, before);
}

function modelsOf(experiment: Experiment, trial: Trial, ready: Ready): Model[] {
  const { digests, versions, model_settings: told } = ready;
  const { policy, evaluation } = experiment;
  const start = trial.after === null ? policy.model : partFolder(trial.after, "model", 0);
  const policyFiles = digests.policy ?? {};
  const tokenizer = Object.entries(policyFiles).filter(([name]) => tokenizerFile.test(name));
  const components = rewardComponents(trial.config.reward);
  const judges = namedJudges(evaluation.judges);
  const parts: [Model["role"], source: string, key: string, Model["files"]][] = [
    ["policy", start, "policy.model", policyFiles],
    ["tokenizer", start, "policy.model", Object.fromEntries(tokenizer)],
    ["reference", start, "policy.model", digests.reference ?? {}],
    ...components.map((component, place): (typeof parts)[number] => [
      "reward",
      scorerSource(component),
      components.length === 1 ? "reward.model" : `reward.${place}.model`,
      digests[digestRole("reward", component.name, components.length)] ?? {},
    ]),
    ...judges.map((judge, place): (typeof parts)[number] => [
      "judge",
      scorerSource(judge),
      judgeKey(place, "model"),
      digests[digestRole("judge", judge.name, judges.length)] ?? {},
    ]),
  ];
  return parts.flatMap(([role, source, key, files]) =>
    Object.keys(files).length === 0
      ? []
      : [
          {
            role,
            source,
            revision: versions[key] ?? null,
            files,
            settings: role === "tokenizer" || role === "reference" ? {} : (told[key] ?? {}),
            trials: [trial.id],
          },
        ],
  );
}

/** An entry of the manifest that several trials share. */
interface SharedEntry {
  readonly trials: readonly string[];
}

/** The entry added; or, where there is one that differs in nothing else, its trials added to that. */
function withUser<T extends SharedEntry>(entries: readonly T[], added: T): T[] {
  const content = contentOf(added);
  const same = entries.find((entry) => contentOf(entry) === content);
  if (same === undefined) {
    return [...entries, added];
  }
  const trials = [...new Set([...same.trials, ...added.trials])];
  return entries.map((entry) => (entry === same ? { ...same, trials } : entry));
}

function contentOf(entry: SharedEntry): string {
  return JSON.stringify({ ...entry, trials: null });
}
