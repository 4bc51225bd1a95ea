/**
 * manifest.json, key by key: what would be needed to run the same again, and how it ended. The
 * published JSON Schema (configs/manifest.schema.json) is generated from this.
 */

import { z } from "zod";
import { formattedJson } from "../../text/json.js";
import { manifestVersion } from "./text.js";

const count = z.int().nonnegative();
const finite = z.number();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().describe("ISO 8601, UTC");
/** As a worker told them: text that is kept as it came. */
const files = z.record(z.string(), z.string()).describe("file name → sha256");
const trials = z.array(z.string());
const argv = z
  .array(z.string())
  .describe("arguments after `averse`, as given; what looks like a secret is redacted");

const git = z.strictObject({
  commit: z.string(),
  diff_sha256: sha256
    .nullable()
    .describe("of the changes and new files that are not committed; null: there are none"),
});

const model = z.strictObject({
  role: z.enum(["policy", "tokenizer", "reference", "reward", "judge"]),
  source: z.string().describe("builtin, a folder, a hub id, or a model of this run (trials/…)"),
  revision: z.string().nullable().describe("commit of a model from the hub; null for all others"),
  files,
  settings: z
    .record(z.string(), z.string())
    .default({})
    .describe("what its own files specify (end tokens, padding, …), and what Averse does with it"),
  trials: trials.describe("that loaded it"),
});

const data = z.strictObject({
  source: z.string(),
  revision: z.string().nullable(),
  files,
  split: z.string(),
  filter: z.string(),
  truncation: z.string(),
  prompts: z
    .strictObject({ train: z.string().nullable(), test: z.string().nullable() })
    .describe("sha256 of the prompt ids in their order, as little-endian uint32; null: not known"),
});

const artifacts = z.strictObject({
  folder: z.string().nullable().describe("where they are kept; null: nowhere"),
  used: z.array(
    z.strictObject({
      kind: z.string().describe("language_model, classifier, reward_model, sft or prompt_scores"),
      name: z.string().describe("of the stage; of the trial, or the split, that it was made for"),
      digest: sha256.describe("of all that it follows from: the name of its folder"),
      trials: trials.describe("that used it"),
    }),
  ),
});

const risk = z.strictObject({
  measure: z.string(),
  answers: z.string().describe("what it gives of each episode: weights, advantages or rewards"),
  acts_on: z.string().describe("the quantity whose tail it is"),
  follows: z.string().describe("what the expected update follows"),
  component: z.string().nullable().describe("reward component that it acts on; null: on all"),
  component_weight: finite.nullable().describe("λ of that component"),
  alpha: finite
    .nullable()
    .describe("α, fraction in (0, 1]; null, as below: the measure ignores it"),
  population: z.string().describe("what the tail is taken over"),
  statistic: z.string().nullable().describe("what episodes are ranked by, lowest first"),
  statistic_meaning: z.string().nullable(),
  kl_in_statistic: z.boolean().nullable(),
  kl_in_return: z.boolean(),
  ties: z.string(),
  rounding: z.string(),
  annealing: z.string().nullable().describe("how α' comes down to α"),
  alpha_in_force: z.string().nullable().describe("α' as a formula of the iteration m, from 0"),
  warmup: count.nullable().describe("n: iterations with every episode kept"),
  rho: finite.nullable().describe("ρ: fraction of the iterations at which α is reached"),
  annealing_steps: z
    .array(z.tuple([count, finite]).readonly())
    .readonly()
    .nullable()
    .describe("of the annealing steps: iteration, and the α' from there on"),
  adaptive: z
    .strictObject({
      rate: finite.nullable(),
      episodes: finite,
      kl: finite.nullable(),
      window: count,
      decline: finite.nullable(),
    })
    .nullable()
    .describe("of the annealing adaptive: what holds α'"),
  iterations: count.describe("M"),
  alpha_from_iteration: count
    .nullable()
    .describe("first iteration, from 0, with α in force, or the soonest; null: there is none"),
  weighting: z.string(),
  settings: z
    .record(z.string(), z.union([finite, z.string()]).nullable())
    .describe("the measure's own numbers that it reads, by their keys"),
  algorithm: z.string(),
  advantages: z.string().describe("how the algorithm makes them of returns and weights"),
  gradient_steps: z.string().describe("how many an epoch has"),
  failed_rewards: z.string(),
});

const quantity = z.strictObject({
  name: z.string(),
  value: finite,
  unit: z.string(),
  bound: z.enum(["exact", "at most"]),
});

const device = z.strictObject({
  device: z.string(),
  name: z.string(),
  dtype: z.string(),
  threads: count.describe("CPU threads of tensor operations, of each process"),
  processes: count.default(1).describe("that compute together as one worker"),
  strategy: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "how they divide the work: data-parallel, fsdp, deepspeed; null: there is one process",
    ),
  nondeterminism: z
    .array(z.string())
    .describe("what may keep a second run from being bit-identical, as reported by the worker"),
  lacks: z
    .array(z.string())
    .default([])
    .describe("capabilities that the engine does not declare, so does not promise"),
  trials: trials.describe("that ran on it"),
});

const determinism = z.strictObject({
  level: z.enum(["bitwise", "statistical"]),
  holds: z.string().describe("under which conditions"),
  given_up: z.array(z.string()).describe("for speed, or because the device cannot"),
});

const environmentDifference = z.strictObject({
  field: z.string(),
  was: z.union([z.string(), finite, z.boolean()]).nullable(),
  is: z.union([z.string(), finite, z.boolean()]).nullable(),
});

const resumption = z.strictObject({
  time,
  command: argv,
  differences: z.array(environmentDifference).describe("of the environment, from the run's start"),
});

const trialResult = z.strictObject({
  metrics: z.record(z.string(), finite).nullable().describe("of the final evaluation"),
  model: files.nullable().describe("file of the exported model → sha256"),
});

const results = z.strictObject({
  journal: z
    .strictObject({ events: count, checksum: z.string().describe("of the last event") })
    .nullable()
    .describe("null: the run is not over"),
  evaluation_sha256: sha256.nullable().describe("of evaluation.json; null: there is none"),
  trials: z.record(z.string(), trialResult),
});

/** Without its own digest. */
const manifestContent = z.strictObject({
  manifest: z.literal(manifestVersion).describe("version of this schema"),
  name: z.string(),
  purpose: z.string(),
  started: time,
  finished: time.nullable(),
  outcome: z.enum(["done", "failed", "interrupted"]).nullable().describe("null: not over"),
  message: z.string().nullable(),
  resumed: z.array(resumption),
  command: argv,
  config: z.record(z.string(), z.unknown()).describe("resolved configuration, arms in full"),
  config_hash: sha256.describe("of `config` as JSON with sorted keys"),
  origins: z
    .record(z.string(), z.unknown())
    .describe("key → who gave the value: file, override or default"),
  written_paths: z
    .record(z.string(), z.string())
    .describe("key → relative path as it was written; `config` has it absolute"),
  seeds: z.array(z.int()),
  seed_rule: z.string().describe("how a seed becomes streams"),
  seed_streams: z.record(z.string(), z.string()).describe("purpose of a stream → what it draws"),
  git: git.nullable().describe("null: the program is not a git checkout"),
  lock_files: z.record(z.string(), sha256.nullable()).describe("null: not there"),
  versions: z
    .record(z.string(), z.string().nullable())
    .describe("null: not there, or no worker has loaded yet"),
  hardware: z.record(z.string(), z.union([z.string(), finite])),
  environment: z
    .record(z.string(), z.string())
    .describe("variables of a fixed list that the worker sees; never any other"),
  process: z
    .strictObject({ pid: z.int(), host: z.string() })
    .describe("of the controller: tells a running run from one whose controller died"),
  trust_remote_code: z.boolean().describe("true: the Python code of a model could run"),
  devices: z.array(device),
  determinism,
  models: z.array(model),
  artifacts: artifacts.describe("results of stages, shared with other runs"),
  data,
  risk: z.record(z.string(), risk).describe("arm → what its risk is"),
  quantities: z.record(z.string(), z.array(quantity)).describe("arm → batch quantities"),
  results,
});

export const manifestSchema = manifestContent.extend({
  sha256: sha256.describe("of this file's text with this key left out"),
});

export type Manifest = z.infer<typeof manifestContent>;
export type EnvironmentDifference = z.infer<typeof environmentDifference>;

/** What the command line knows of the program and the machine. */
export type Provenance = Pick<
  Manifest,
  | "origins"
  | "written_paths"
  | "command"
  | "versions"
  | "git"
  | "lock_files"
  | "hardware"
  | "environment"
  | "process"
>;

/** configs/manifest.schema.json. */
export function manifestSchemaText(): string {
  const { $schema, ...schema } = z.toJSONSchema(manifestSchema);
  return formattedJson({ $schema, title: "Averse run manifest", ...schema });
}
