/** The checks before a run, with this machine's models, hub, disk and data. */
import { existsSync, readdirSync, statfsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { violationProblem } from "../../config/checks.js";
import { isBuiltinData, sourcesOf } from "../../config/data-sources.js";
import type { LoadedExperiment } from "../../config/load.js";
import { ConfigError, inReadingOrder, problemLine } from "../../config/problems.js";
import {
  type ModelLookup,
  modelFiles,
  type Preflight,
  preflight,
} from "../../preflight/preflight.js";
import { safeText } from "../../text/safe-text.js";
import { readWorkerSpec, runsHere, type WorkerSpec } from "../../worker/spec.js";
import { backendConcerns } from "../machine/backend-fit.js";
import { dataFacts, stagesOfOwnData } from "../machine/data-facts.js";
import { lookUpModels } from "../machine/hub-lookup.js";
import { packageRoot } from "../machine/package.js";
import { type Terminal, tellingWait } from "../terminal.js";

export interface PreflightOptions {
  /** Folder that the run will lie in; it need not be there yet. */
  readonly runs: string;
  /** The hub is not asked. */
  readonly offline: boolean;
}

/** @throws {ConfigError} of the worker's file */
export async function runPreflight(
  { experiment, given }: LoadedExperiment,
  { runs, offline }: PreflightOptions,
  terminal: Pick<Terminal, "err" | "isTty">,
): Promise<Preflight> {
  const spec = readWorkerSpec(experiment.backend.worker, packageRoot);
  const { environment, models } = spec;
  // Nothing is downloaded for a check: where the policy's tokenizer is not here, lengths are not counted.
  const own = isLocal(experiment.data);
  const stages = stagesOfOwnData(experiment).filter((name) =>
    isLocal(experiment.stages[name]!.data),
  );
  const offlineToo = { ...environment, HF_HUB_OFFLINE: "1" };
  const readData = () => dataFacts(experiment, offlineToo, { samples: 0, stages, own });
  const checks = preflight(experiment, given, {
    ...modelPorts(environment, offline),
    checksModels: models === "transformers",
    data: (own || stages.length > 0) && models === "transformers" ? readData : null,
    backend: () => backendConcerns(experiment, spec),
    disk: freeRoom(resolve(runs)),
    isSet: runsHere(spec)
      ? (variable) => (environment[variable] ?? process.env[variable] ?? "") !== ""
      : null,
    folders: foldersHere(),
  });
  return tellingWait(terminal, "checking models and data", checks);
}

/** @throws {ConfigError} the backend cannot do what the experiment asks of it */
export async function requireBackend(
  { experiment, given }: LoadedExperiment,
  spec: WorkerSpec,
): Promise<void> {
  const found = await backendConcerns(experiment, spec);
  if (found === null || typeof found === "string" || found.length === 0) return;
  const problems = found.map(({ arm, ...violation }) => violationProblem(violation, arm, given));
  throw new ConfigError(inReadingOrder(problems));
}

/** The experiment's models, as far as they are here or the hub tells of them. */
export function experimentModels(
  { experiment }: Pick<LoadedExperiment, "experiment">,
  { offline }: Pick<PreflightOptions, "offline">,
): Promise<ModelLookup[]> {
  const { environment } = readWorkerSpec(experiment.backend.worker, packageRoot);
  return modelFiles(experiment, modelPorts(environment, offline));
}

function modelPorts(environment: Readonly<Record<string, string>>, offline: boolean) {
  const noHub = offline || isSet("HF_HUB_OFFLINE") || isSet("TRANSFORMERS_OFFLINE");
  return {
    assets: join(packageRoot, "python", "averse_worker", "assets"),
    hub: noHub
      ? null
      : (queries: Parameters<typeof lookUpModels>[0]) => lookUpModels(queries, environment),
  };
}

/**
 * Before a run.
 *
 * @returns its warnings
 * @throws {ConfigError} with every problem
 */
export async function requirePreflight(
  loaded: LoadedExperiment,
  runs: string,
  terminal: Pick<Terminal, "err" | "isTty">,
): Promise<string[]> {
  const { warnings, problems } = await runPreflight(loaded, { runs, offline: false }, terminal);
  if (problems.length > 0) throw new ConfigError(problems);
  return warnings.map((warning) => `warning: ${safeText(problemLine(warning))}`);
}

/** Of data on the hub a worker says what is wrong, once it has downloaded them. */
function isLocal(data: LoadedExperiment["experiment"]["data"]): boolean {
  return !isBuiltinData(data) && sourcesOf(data).every(({ hub }) => hub === null);
}

function foldersHere(): string[] {
  return readdirSync(".", { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function freeRoom(folder: string): { place: string; freeBytes: number } {
  const place = nearestThere(folder);
  const { bavail, bsize } = statfsSync(place);
  return { place, freeBytes: bavail * bsize };
}

function nearestThere(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestThere(dirname(path));
}

function isSet(variable: string): boolean {
  return /^(1|true|yes|on)$/i.test(process.env[variable] ?? "");
}
