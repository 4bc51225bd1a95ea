/**
 * The files that a run computes from, as its workers told of them first, under this controller or
 * one before. Every worker that loads later must have the same: figures of two data sets or two
 * models are no run.
 */
import { dataName } from "../config/data-sources.js";
import {
  digestRole,
  namedJudges,
  rewardComponents,
  type ScorerConfig,
  scorerSource,
} from "../config/rewards/components.js";
import { toxicityScorer } from "../config/rewards/toxicity.js";
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { policySource, type Trial } from "../config/trials.js";
import type { JournalEvent } from "../journal/events.js";
import { WorkerFailure } from "../worker/contract.js";
import { TrialError } from "./failure.js";
import type { Plan } from "./plan.js";

type Files = Readonly<Record<string, string>>;
interface Input {
  /** Part of worker_ready's digests. */
  readonly role: string;
  /** Same for all trials that must have the same. */
  readonly id: string;
  /** Config keys by which a worker may name it. */
  readonly keys: readonly string[];
  /** Key and value, for people. */
  readonly name: string;
}

const remedy = "restore it and resume, or start a new run";

/** Files that no loader of a model reads: what lies beside them may come and go. */
const readByLoaders = /\.(json|jsonl|safetensors|txt|model|tiktoken|jinja|py)$/;

export class RecordedInputs {
  /** Id of an input → file → sha256. */
  readonly #inputs = new Map<string, Files>();
  /** Path of an exported model → file → sha256. */
  readonly #exported = new Map<string, Files>();

  /** Whether a trial's load has told, or is about to tell, how the reward scores some prompts. */
  #previewed = false;

  constructor(
    private readonly experiment: Experiment,
    private readonly plan: Plan,
  ) {}

  /** To be told of every event, in order. Of an input the first word stands. */
  take(event: JournalEvent): void {
    if (event.type === "model_exported") {
      this.#exported.set(event.path, event.files);
    } else if (event.type === "worker_ready") {
      const trial = this.plan.trials.find(({ id }) => id === event.trial);
      if (trial !== undefined) this.#record(trial, event.digests);
      if (event.reward_preview !== null) this.#previewed = true;
    }
  }

  /** @returns true once in a run: for the first trial that asks */
  claimPreview(): boolean {
    const isFirst = !this.#previewed;
    this.#previewed = true;
    return isFirst;
  }

  /** @returns file → sha256 of a model of this run; null: none was exported there */
  exported(path: string): Files | null {
    return this.#exported.get(path) ?? null;
  }

  /**
   * Compares what a worker loaded with what this run recorded, and records what is new. At once, so
   * that of two workers that load side by side the second is compared with the first.
   *
   * @param digests as the journal has them, `prompts` among them
   * @param from folder of the exported model that the trial starts from; null: `policy.model`
   * @throws {TrialError} of kind `environment`: names the first file that is another
   */
  require(trial: Trial, digests: Readonly<Record<string, Files>>, from: string | null): void {
    const exported = from === null ? null : this.exported(from);
    for (const [file, sha256] of Object.entries(digests.policy ?? {})) {
      // A worker may tell of fewer files than it exported, or of none of them.
      const wanted = exported?.[file] ?? sha256;
      if (wanted !== sha256) {
        throw changed(`the model ${from}`, `its ${file}`, sha256, wanted);
      }
    }
    for (const { id, role, name } of inputsOf(this.experiment, trial)) {
      requireSame(name, digests[role] ?? {}, this.#inputs.get(id));
    }
    requireSamePrompts(digests.prompts ?? {}, this.#inputs.get("prompts"), this.experiment);
    this.#record(trial, digests);
  }

  /**
   * Why a worker cannot load. What this run has loaded before is no fault of its configuration: it
   * is gone or changed, and the run can continue once it is back.
   */
  explained(error: unknown, trial: Trial): unknown {
    if (!(error instanceof WorkerFailure) || error.kind !== "input" || error.key === null) {
      return error;
    }
    const { command, message, key, detail } = error;
    const input = inputsOf(this.experiment, trial).find(({ keys }) => keys.includes(key));
    if (input === undefined || !this.#inputs.has(input.id)) {
      return error;
    }
    const text = `${message.replace(/[.\s]+$/, "")}; this run has loaded it before: ${remedy}`;
    return new WorkerFailure(command, "environment", text, key, detail);
  }

  #record(trial: Trial, digests: Readonly<Record<string, Files>>): void {
    const told = [
      ...inputsOf(this.experiment, trial).map(({ id, role }) => [id, digests[role]] as const),
      ["prompts", digests.prompts] as const,
    ];
    for (const [id, files] of told) {
      if (files !== undefined && Object.keys(files).length > 0 && !this.#inputs.has(id)) {
        this.#inputs.set(id, files);
      }
    }
  }
}

function inputsOf(experiment: Experiment, trial: Trial): Input[] {
  const { data, evaluation } = experiment;
  const { model } = policySource(experiment, trial.config);
  const start = trial.after === null ? `policy.model ${model}` : `the model of ${trial.after}`;
  const components = rewardComponents(trial.config.reward);
  const judges = namedJudges(evaluation.judges);
  return [
    { role: "data", id: "data", keys: ["data.path"], name: dataWords(data) },
    { role: "policy", id: `policy ${start}`, keys: ["policy.model"], name: start },
    { role: "reference", id: `reference ${start}`, keys: ["reference"], name: start },
    ...components.map(
      (component, place): Input => ({
        role: digestRole("reward", component.name, components.length),
        id: `reward ${contentOf(component)}`,
        keys: scorerKeys(components.length === 1 ? "reward" : `reward.${place}`),
        name: `${components.length === 1 ? "reward" : `reward.${place}`}.${sourceWords(component)}`,
      }),
    ),
    ...expertsOf(trial.config),
    ...(trial.reported ? measuresOf(evaluation, trial.config) : []),
    ...judges.map(
      (judge, place): Input => ({
        role: digestRole("judge", judge.name, judges.length),
        id: `judge ${contentOf(judge)}`,
        keys: scorerKeys(`evaluation.judges.${place}`),
        name: `evaluation.judges.${place}.${sourceWords(judge)}`,
      }),
    ),
  ];
}

/** Models whose logits steer the policy's. */
function expertsOf({ stage, decoding }: ArmConfig): Input[] {
  if (stage !== "decode") return [];
  return (["expert", "anti_expert"] as const).flatMap((role) => {
    const model = decoding[role];
    const key = `decoding.${role}`;
    return model === null
      ? []
      : [{ role, id: `${role} ${model}`, keys: [key], name: `${key} ${model}` }];
  });
}

/** What evaluations alone need, beside the judges. */
function measuresOf(evaluation: Experiment["evaluation"], arm: ArmConfig): Input[] {
  const scorer = toxicityScorer(evaluation, arm)?.config ?? null;
  const inputs: Input[] = [];
  if (scorer !== null) {
    const name = `evaluation.toxicity.scorer ${scorer.name}`;
    const id = `toxicity ${contentOf(scorer)}`;
    inputs.push({ role: "toxicity", id, keys: ["evaluation.toxicity.scorer"], name });
  }
  if (evaluation.fluency !== null) {
    const key = "evaluation.fluency.model";
    inputs.push({
      role: "fluency",
      id: "fluency",
      keys: [key],
      name: `${key} ${evaluation.fluency.model}`,
    });
  }
  return inputs;
}

function dataWords(data: Experiment["data"]): string {
  return `data.path ${dataName(data)}`;
}

/** What its files follow from: arms may differ in all else. */
function contentOf({ kind, model, function: python, words }: ScorerConfig): string {
  return JSON.stringify([kind, model, python, words]);
}

function scorerKeys(path: string): string[] {
  return ["model", "function", "words"].map((key) => `${path}.${key}`);
}

function sourceWords(scorer: ScorerConfig): string {
  const key = { python: "function", http: "url", lexicon: "words", length: "unit" } as const;
  const own = scorer.kind in key ? key[scorer.kind as keyof typeof key] : "model";
  return `${own} ${scorerSource(scorer)}`;
}

function requireSame(name: string, found: Files, recorded: Files | undefined): void {
  if (recorded === undefined) {
    return;
  }
  for (const [file, sha256] of Object.entries(recorded)) {
    const now = Object.hasOwn(found, file) ? found[file]! : null;
    if (now !== sha256) {
      throw changed(name, `its ${file}`, now, sha256);
    }
  }
  const added = Object.keys(found).find(
    (file) => !Object.hasOwn(recorded, file) && readByLoaders.test(file),
  );
  if (added !== undefined) {
    throw changed(name, `its ${added}`, found[added]!, null);
  }
}

function requireSamePrompts(found: Files, recorded: Files | undefined, { data }: Experiment): void {
  for (const [split, sha256] of Object.entries(recorded ?? {})) {
    const now = found[split] ?? null;
    if (now !== sha256) {
      throw changed(dataWords(data), `the order of its ${split} prompts`, now, sha256);
    }
  }
}

/** @param found null: it is gone; @param wanted null: it was not there */
function changed(name: string, what: string, found: string | null, wanted: string | null) {
  const is = found === null ? "is missing" : `has sha256 ${found}`;
  const was = wanted === null ? "had no such file" : `recorded sha256 ${wanted}`;
  return new TrialError(
    "environment",
    `${name} has changed since this run began: ${what} ${is}; the run ${was}; ${remedy}`,
  );
}
