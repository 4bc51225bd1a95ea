/**
 * Everything that can be known about an experiment before a run folder exists and before torch is
 * imported: what its models are, whether prompts fit, where the schedule ends, how big tails are,
 * and whether the disk has room. What only a worker can find out is left to it.
 *
 *   experiment ─▶ the models' files ─▶ checks ─▶ summary · warnings · problems, each with its place
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { violationProblem } from "../config/checks.js";
import { dataName } from "../config/data-sources.js";
import type { GivenValues } from "../config/given-values.js";
import type { ConfigProblem } from "../config/problems.js";
import { inReadingOrder } from "../config/problems.js";
import type { Experiment } from "../config/schema/experiment.js";
import { stageNamed } from "../config/stages/references.js";
import { nearestName } from "../text/nearest-name.js";
import { checkData, checkPlace, type DataReading } from "./check-data.js";
import { checkDisk, type DiskRoom } from "./check-disk.js";
import { checkEvaluation } from "./check-evaluation.js";
import { checkFunctions } from "./check-functions.js";
import { checkIdle } from "./check-idle.js";
import { policyLengths, scorerLengths } from "./check-lengths.js";
import { checkModel } from "./check-model.js";
import { checkSampling } from "./check-sampling.js";
import { checkSchedules } from "./check-schedule.js";
import { checkStages } from "./check-stages.js";
import { checkTokens } from "./check-tokens.js";
import { type Checked, type Concern, type Findings, joined, nothingFound } from "./findings.js";
import {
  type ModelFiles,
  type ModelRefusal,
  pickleRefusal,
  readModelFolder,
} from "./model-files.js";
import { type NamedModel, namedModels } from "./named-models.js";

/** A model on the hub, as far as it could be looked up. */
export type HubModel =
  | {
      readonly state: "found";
      readonly config: Readonly<Record<string, unknown>>;
      readonly tokenizer: Readonly<Record<string, unknown>> | null;
      readonly names: readonly string[] | null;
      /** Numbers in all weights, as the hub has counted them. */
      readonly parameters: number | null;
    }
  /** No such model or revision, or no access to it. */
  | { readonly state: "refused"; readonly why: string }
  /** The hub cannot be reached, or nobody could ask it. */
  | { readonly state: "unknown"; readonly why: string };

export type HubQuery = Pick<NamedModel, "model" | "revision">;

/** What the checks need of the world. */
export interface PreflightPorts {
  /** Folder of the worker's built-in models. */
  readonly assets: string;
  /** Whether the worker loads transformers' models: another's are not looked into. */
  readonly checksModels: boolean;
  /** One answer per query; null: the hub is not asked. */
  readonly hub: ((queries: readonly HubQuery[]) => Promise<readonly HubModel[]>) | null;
  /** The data, by the worker's code; null: built in, or on the hub. */
  readonly data: (() => Promise<DataReading | string>) | null;
  /** What the backend cannot do of it, or why that is not known; null: only its worker can tell. */
  readonly backend: (() => Promise<readonly Concern[] | string | null>) | null;
  readonly disk: DiskRoom | null;
  /** Whether the worker will have a variable; null: its machine is another. */
  readonly isSet: ((variable: string) => boolean) | null;
  /** Names of folders, one of which a misspelt model may mean. */
  readonly folders: readonly string[];
}

export interface Preflight {
  readonly checked: readonly Checked[];
  readonly warnings: readonly ConfigProblem[];
  readonly problems: readonly ConfigProblem[];
}

export async function preflight(
  experiment: Experiment,
  given: GivenValues,
  ports: PreflightPorts,
): Promise<Preflight> {
  const backend = checkBackend(experiment, (await ports.backend?.()) ?? null);
  const models = ports.checksModels ? await checkModels(experiment, ports) : noModels;
  const { policy } = models;
  const data =
    ports.data === null
      ? { findings: nothingFound, prompts: null }
      : checkData(experiment, dataName(experiment.data), await ports.data());
  const { checked, warnings, problems } = joined([
    backend,
    ...models.findings,
    checkFunctions(experiment),
    ...(ports.isSet === null ? [] : [checkTokens(experiment, ports.isSet)]),
    checkStages(experiment),
    checkPlace(experiment),
    data.findings,
    checkSchedules(experiment),
    checkIdle(experiment, given),
    checkEvaluation(experiment, data.prompts),
    checkSampling(experiment, data.prompts),
    ...(policy === null || ports.disk === null ? [] : [checkDisk(experiment, policy, ports.disk)]),
  ]);
  const placed = (found: readonly Concern[]) =>
    inReadingOrder(found.map(({ arm, ...violation }) => violationProblem(violation, arm, given)));
  return { checked, warnings: placed(warnings), problems: placed(problems) };
}

function checkBackend({ backend }: Experiment, told: readonly Concern[] | string | null): Findings {
  if (told === null) return nothingFound;
  if (typeof told !== "string") return { ...nothingFound, problems: told };
  return { ...nothingFound, checked: [{ what: "backend", found: `${backend.worker}: ${told}` }] };
}

interface Models {
  readonly findings: readonly Findings[];
  /** Null: its files are not known. */
  readonly policy: ModelFiles | null;
}

const noModels: Models = { findings: [], policy: null };

async function checkModels(experiment: Experiment, ports: PreflightPorts): Promise<Models> {
  const named = namedModels(experiment);
  const looked = await lookUp(named, ports);
  const [first] = looked;
  const policy = first === undefined ? null : filesOf(first);
  const findings = named.map((one, at): Findings => {
    const found = looked[at]!;
    const files = filesOf(found);
    if (files === null) return notRead(one, found as Exclude<LookedUp, ModelFiles>, ports.folders);
    const lengths =
      one.role === "fluency"
        ? { warnings: [], problems: [] } // Of what is too long it reads the end.
        : one.kind === "language model"
          ? { warnings: [], problems: policyLengths(experiment, files) }
          : scorerLengths(experiment, one, files, policy);
    const own = checkModel(one, files);
    return {
      checked: own.checked,
      warnings: [...own.warnings, ...lengths.warnings],
      // A model of the wrong kind has no lengths worth telling of.
      problems: own.problems.length > 0 ? own.problems : lengths.problems,
    };
  });
  return { findings, policy };
}

/** A model that an experiment names, and its files; null: why they are not known. */
export interface ModelLookup {
  readonly named: NamedModel;
  readonly files: ModelFiles | null;
  readonly why: string;
}

/** What config.json and weights of an experiment's models say, for whoever reckons with their sizes. */
export async function modelFiles(
  experiment: Experiment,
  ports: Pick<PreflightPorts, "assets" | "hub">,
): Promise<ModelLookup[]> {
  const named = namedModels(experiment);
  const looked = await lookUp(named, ports);
  return named.map((one, at) => {
    const found = looked[at]!;
    const files = filesOf(found);
    return { named: one, files, why: files === null ? reasonOf(found) : "" };
  });
}

function reasonOf(looked: LookedUp): string {
  if (!("kind" in looked)) return "";
  if (looked.kind === "stage") return "a stage makes it in the run";
  return looked.kind === "unknown" ? looked.why : looked.found;
}

type LookedUp =
  | ModelFiles
  | (ModelRefusal & { readonly kind: "refusal" | "revision" })
  | { readonly kind: "unknown"; readonly why: string }
  /** Trained before it is loaded: there is nothing to look into yet. */
  | { readonly kind: "stage" };

function filesOf(looked: LookedUp): ModelFiles | null {
  return "kind" in looked ? null : looked;
}

async function lookUp(
  named: readonly NamedModel[],
  { assets, hub }: Pick<PreflightPorts, "assets" | "hub">,
): Promise<LookedUp[]> {
  const distant = named.filter((one) => stageNamed(one.model) === null && !isLocal(one));
  const answers = hub === null || distant.length === 0 ? [] : await hub(distant);
  return named.map((one): LookedUp => {
    if (stageNamed(one.model) !== null) return { kind: "stage" };
    if (one.model === "builtin") return inFolder(join(assets, one.builtin));
    if (isLocal(one)) return one.revision === null ? inFolder(one.model) : withRevision(one);
    const answer = answers[distant.indexOf(one)];
    return answer === undefined
      ? { kind: "unknown", why: "not looked up" }
      : onHub(one.model, answer);
  });
}

function isLocal({ model }: NamedModel): boolean {
  return (
    model === "builtin" || (statSync(model, { throwIfNoEntry: false })?.isDirectory() ?? false)
  );
}

function inFolder(folder: string): LookedUp {
  const read = readModelFolder(folder);
  return "found" in read ? { kind: "refusal", ...read } : read;
}

function withRevision({ model, revision }: NamedModel): LookedUp {
  return {
    kind: "revision",
    found: `the revision ${revision} of the folder ${model}`,
    expected: "a revision of a model from the Hugging Face hub alone",
    remedy: "Remove it: a folder has no revisions.",
  };
}

function onHub(model: string, answer: HubModel): LookedUp {
  switch (answer.state) {
    case "unknown":
      return { kind: "unknown", why: answer.why };
    case "refused":
      return {
        kind: "refusal",
        found: `${model}: ${answer.why}`,
        expected: "a folder that is there, or a model on the Hugging Face hub",
        remedy: "Check its name and revision; log in to the hub for a private or gated model.",
      };
    case "found": {
      const pickle = answer.names === null ? null : pickleRefusal(model, answer.names);
      if (pickle !== null) return { kind: "refusal", ...pickle };
      const { config, tokenizer, names, parameters } = answer;
      return { place: model, config, tokenizer, names, parameters };
    }
  }
}

function notRead(
  { role, key, arm, model }: NamedModel,
  looked: Exclude<LookedUp, ModelFiles>,
  folders: readonly string[],
): Findings {
  const near = nearestName(model, folders);
  const meant = near === null ? "" : ` Or is the folder ${near} meant?`;
  if (looked.kind === "stage") {
    const checked = [{ what: role, found: `${model}, trained before the run` }];
    return { checked, warnings: [], problems: [] };
  }
  if (looked.kind === "unknown") {
    const checked = [{ what: role, found: `${model} on the hub: ${looked.why}` }];
    const warning = {
      arm,
      keys: [key],
      found: `${model}, which could not be checked: ${looked.why}`,
      expected: "a model on the Hugging Face hub, or a folder",
      remedy: `The worker looks for it when the run starts.${meant}`,
    };
    return { checked, warnings: looked.why === "not looked up" ? [] : [warning], problems: [] };
  }
  const { kind, ...refusal } = looked;
  const told = { ...refusal, remedy: `${refusal.remedy}${kind === "refusal" ? meant : ""}` };
  const keys = kind === "revision" ? [key.replace(/model$/, "revision"), key] : [key];
  return { checked: [], warnings: [], problems: [{ arm, keys, ...told }] };
}
