/**
 * manifest.json, written whole each time: when a run starts, when a worker has told what it loaded,
 * when a trial has a result, when the run is taken up again, and at the end.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { riskRecord } from "../../analysis/arm-risk.js";
import { batchQuantities } from "../../analysis/batch-quantities.js";
import { determinismOf } from "../../analysis/determinism.js";
import { dataName, isBuiltinData } from "../../config/data-sources.js";
import { resolvedExperiment } from "../../config/resolved-experiment.js";
import { namedJudges, rewardComponents } from "../../config/rewards/components.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { journalFile } from "../../journal/line.js";
import { writeDurably } from "../../system/durable-files.js";
import { recordError } from "../../system/record-error.js";
import { sha256Of } from "../../system/sha256.js";
import { canonicalJson } from "../../text/json.js";
import { firstFault } from "../../text/schema-faults.js";
import { runFiles } from "../paths.js";
import { type Manifest, manifestSchema, type Provenance } from "./schema.js";
import {
  damaged,
  intactManifest,
  isIntact,
  manifestJson,
  manifestText,
  manifestVersion,
  otherVersion,
  writerOf,
} from "./text.js";

export type { Manifest, Provenance } from "./schema.js";

/** How seeds become streams (`domain/random.ts`). */
const seedRule =
  "MurmurHash3_x86_32(seed = trial seed; UTF-16 code units of the purpose, low and high word of " +
  "the step) seeds sfc32 in the controller, and the worker's generators";

const seedStreams = {
  load: "value head and adapters, at 0",
  stage: "a stage's weights and the order of its rows, at 0; from the stage's own seed",
  sft: "order of the texts, at 0",
  prompts: "order of the prompts, at the epoch",
  "prompts/hard": "order of the hard stratum, at its epoch",
  "prompts/other": "order of the other prompts, at their epoch",
  "prompts/stratum-K": "order of the cross-entropy sampler's stratum K, at its epoch",
  "prompts/strata": "rounding of the strata's prompts, at the iteration",
  "prompts/replayed": "recent tail prompts that are replayed, at the iteration",
  "prompts/fresh": "the other prompts beside replayed ones, at the iteration",
  "prompts/order": "places in the batch of prompts that are drawn in parts, at the iteration",
  rollout: "sampled tokens, at the iteration",
  selection: "episodes that random-drop keeps, at the iteration",
  update: "minibatches, at the iteration",
  evaluate: "sampled tokens of evaluations, at 0: the same for all",
};

export function startingManifest(
  experiment: Experiment,
  provenance: Provenance,
  started: Date,
  artifactsFolder: string | null = null,
): Manifest {
  const { data } = experiment;
  const arms = Object.entries(experiment.arms);
  const {
    origins,
    written_paths,
    command,
    git,
    lock_files,
    versions,
    hardware,
    environment,
    process,
  } = provenance;
  return {
    manifest: manifestVersion,
    name: experiment.name,
    purpose: experiment.purpose,
    started: started.toISOString(),
    finished: null,
    outcome: null,
    message: null,
    resumed: [],
    command,
    config: experiment as unknown as Record<string, unknown>,
    config_hash: configHash(experiment),
    origins,
    written_paths,
    seeds: [...experiment.seeds],
    seed_rule: seedRule,
    seed_streams: seedStreams,
    git,
    lock_files,
    versions: { ...unknownVersions, ...versions },
    hardware,
    environment,
    process,
    trust_remote_code:
      experiment.policy.trust_remote_code ||
      namedJudges(experiment.evaluation.judges).some((judge) => judge.trust_remote_code) ||
      arms.some(([, { reward }]) => rewardComponents(reward).some((one) => one.trust_remote_code)),
    devices: [],
    determinism: determinismOf([]),
    models: [],
    artifacts: { folder: artifactsFolder, used: [] },
    data: {
      source: dataName(data),
      revision: data.revision,
      files: {},
      ...dataRules(experiment),
      prompts: { train: null, test: null },
    },
    risk: Object.fromEntries(
      arms.flatMap(([name, arm]) => (arm.stage === "rl" ? [[name, riskRecord(arm)]] : [])),
    ),
    quantities: Object.fromEntries(
      arms.map(([name, arm]) => [name, batchQuantities(experiment, arm)]),
    ),
    results: { journal: null, evaluation_sha256: null, trials: {} },
  };
}

/** Told by a worker, once one has loaded; where it has none of these they stay null. */
const unknownVersions = {
  python: null,
  torch: null,
  transformers: null,
  trl: null,
  cuda: null,
  nvidia_driver: null,
};

/** @throws {RecordError} */
export function writeManifest(run: string, manifest: Manifest): void {
  writeDurably(join(run, runFiles.manifest), manifestText(manifest));
}

/** @throws {RecordError} as {@link readManifestFile} */
export function readManifest(run: string): Manifest {
  return readManifestFile(join(run, runFiles.manifest));
}

/**
 * @throws {RecordError} `missing`, `version`, or `damaged`: not a manifest, or any byte of it is not
 *   as it was written
 */
export function readManifestFile(path: string): Manifest {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
  return parsedManifest(bytes, path);
}

/**
 * The experiment that a run is of.
 *
 * @param run the run folder
 * @throws {RecordError} `version`: its configuration is not one of this version of the program
 */
export function recordedExperiment(manifest: Manifest, run: string): Experiment {
  const experiment = resolvedExperiment(manifest.config);
  if (typeof experiment !== "string") return experiment;
  const what = `the configuration in ${join(run, runFiles.manifest)}`;
  throw otherVersion(`${what} is of another version of Averse${writerOf(manifest)}: ${experiment}`);
}

/**
 * What is missing of a run's journal, in words; null: nothing that is known of.
 *
 * @param events that it has
 */
export function missingEvents({ results, outcome }: Manifest, events: number): string | null {
  const told = results.journal?.events ?? 0;
  if (events < told) {
    return (
      `${journalFile} has ${events} events; ${runFiles.manifest} records ${told}: it was emptied or ` +
      "truncated. Restore it from a copy; `averse verify` checks the whole run"
    );
  }
  return events === 0 && outcome !== null ? `${journalFile} has no events` : null;
}

export function configHash(experiment: Experiment): string {
  return sha256Of(canonicalJson(experiment));
}

/** How a data set becomes prompts, in words: the rules of the worker's reader. */
function dataRules({ data, sft }: Experiment) {
  return {
    split: isBuiltinData(data)
      ? "train and test as they come with the program"
      : "the source's train and test split; a fraction of a single one is drawn for testing by " +
        "data.split",
    filter:
      "prompts: every row that data.filter, deduplicate, balance and limit leave; fine-tuning and " +
      "perplexity: of those, the rows that data.good names (none: labelled good or 1)",
    truncation:
      "a prompt is the first rollout.prompt_tokens tokens of its row, an end-of-text token at " +
      "their end taken off, or what data.truncate makes of it; a text of fine-tuning is its first " +
      `${sft.max_tokens} tokens`,
  };
}

/**
 * @param bytes of the whole file
 * @param path for messages
 * @throws {RecordError} `damaged`: not JSON, no manifest, or changed since it was written ·
 *   `version`: as it was written, by another version of the program
 */
export function parsedManifest(bytes: Uint8Array, path: string): Manifest {
  const json = manifestJson(bytes, path);
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const fault = firstFault(parsed.error, json);
    if (!isIntact(json, bytes)) throw damaged(`${path} is not a manifest: ${fault}`);
    throw otherVersion(
      `${path} is a manifest of another version of Averse${writerOf(json)}: ${fault}`,
    );
  }
  return intactManifest(json, bytes, path) as Manifest;
}
