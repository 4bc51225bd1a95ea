/** The models that workers have loaded: each with its source, its files, and who used it. */
import type { Experiment } from "../config/schema.js";
import type { JournalEvent } from "../experiment/events.js";
import { planTrials, type Trial } from "../experiment/plan.js";
import type { Manifest } from "./manifest-schema.js";
import { partFolder } from "./run-paths.js";
import { withUser } from "./shared-entries.js";

type Ready = Extract<JournalEvent, { type: "worker_ready" }>;
type Model = Manifest["models"][number];
type ModelKey = (typeof modelKeys)[number];

/** A worker tells the commit of a model from the hub among its versions, under the model's key. */
const modelKeys = ["policy.model", "reference", "reward.model", "judge"] as const;

export function isModelKey(name: string): boolean {
  return (modelKeys as readonly string[]).includes(name);
}

/** Files of a model folder that make its tokenizer (transformers' names). */
const tokenizerFile =
  /^(tokenizer.*\.json|vocab\.(json|txt)|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template\..*|.*\.model|.*\.tiktoken)$/;

/** One entry for each role, source and content: a second one of a role shows a change under way. */
export function loadedModels(
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

function modelsOf(experiment: Experiment, trial: Trial, { digests, versions }: Ready): Model[] {
  const { policy, evaluation } = experiment;
  const start = trial.after === null ? policy.model : partFolder(trial.after, "model", 0);
  const policyFiles = digests.policy ?? {};
  const tokenizer = Object.entries(policyFiles).filter(([name]) => tokenizerFile.test(name));
  const parts: [Model["role"], source: string | null, key: ModelKey, Model["files"]][] = [
    ["policy", start, "policy.model", policyFiles],
    ["tokenizer", start, "policy.model", Object.fromEntries(tokenizer)],
    ["reference", start, "policy.model", digests.reference ?? {}],
    ["reward", trial.config.reward.model, "reward.model", digests.reward ?? {}],
    ["judge", evaluation.judge, "judge", digests.judge ?? {}],
  ];
  return parts.flatMap(([role, source, key, files]) =>
    source === null || Object.keys(files).length === 0
      ? []
      : [{ role, source, revision: versions[key] ?? null, files, trials: [trial.id] }],
  );
}
