/**
 * A trial's model out of its run, checked against its digests, with a model card: copied to a folder,
 * or pushed to the Hugging Face hub.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { modelCard } from "../../report/exports/model-card.js";
import { gatherReport } from "../../report/report-data.js";
import { readDigests } from "../../store/digests.js";
import { readManifest } from "../../store/manifest/manifest.js";
import { digestsFile } from "../../store/paths.js";
import { syncTree, writeDurably } from "../../system/durable-files.js";
import { recordError } from "../../system/record-error.js";
import { sha256OfFile } from "../../system/sha256.js";
import { nearestName } from "../../text/nearest-name.js";
import { exitCode, UserError } from "../failure-text.js";
import { readReport } from "../run/report-files.js";

/** Of the hub's model cards. */
export const cardFile = "README.md";

export interface CheckedModel {
  readonly trial: string;
  readonly folder: string;
  /** File → sha256. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * @param trial undefined: the only one that has a model
 * @throws {UserError} there is no such trial, or it has no model; a file is missing or has changed
 */
export async function checkedModel(run: string, trial: string | undefined): Promise<CheckedModel> {
  const name = trial ?? onlyTrial(run);
  const folder = modelFolder(run, name);
  return { trial: name, folder, files: await checkedFiles(folder) };
}

/** @param name of the model on the hub, or of its folder */
export async function cardOf(run: string, model: CheckedModel, name: string): Promise<string> {
  const manifest = readManifest(run);
  const data = gatherReport(await readReport(run));
  const arm = data.trials.find((one) => one.name === model.trial)?.arm ?? "";
  const risk = manifest.risk[arm] ?? null;
  const { level, holds } = manifest.determinism;
  const determinism = `A second run is ${level === "bitwise" ? "bit-identical" : "statistically the same"}: ${holds}.`;
  return modelCard({ data, trial: model.trial, name, risk, files: model.files, determinism });
}

/**
 * Copied beside the requested folder and renamed: it is whole or not there, and nothing that was there
 * before is touched. Files that an export which was killed has copied are not copied again.
 *
 * @throws {UserError} the folder is there and not empty
 * @throws {RecordError} it cannot be written; nothing is left then
 */
export async function copyModel(
  { folder, files }: CheckedModel,
  card: string,
  to: string,
): Promise<void> {
  const target = resolve(to);
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new UserError(
      `${target} already exists and is not empty: choose a new folder with --to.`,
    );
  }
  // A name that no folder of a user has: one called MODEL.partial may be theirs.
  const partial = `${target}.averse-partial`;
  try {
    mkdirSync(partial, { recursive: true });
    for (const [name, sha256] of Object.entries(files)) {
      const copy = join(partial, name);
      if (existsSync(copy) && (await sha256OfFile(copy)) === sha256) continue;
      mkdirSync(dirname(copy), { recursive: true });
      copyFileSync(join(folder, name), copy);
    }
    writeDurably(join(partial, cardFile), card);
    syncTree(partial);
    // Made by the user, and seen to be empty above; one that has been filled since stays.
    if (existsSync(target)) rmdirSync(target);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw recordError(`cannot write ${target}`, error);
  }
}

function trialsOf(run: string): string[] {
  const trials = join(run, "trials");
  return existsSync(trials) ? readdirSync(trials).sort() : [];
}

function hasModel(run: string, trial: string): boolean {
  return existsSync(join(run, "trials", trial, "model", digestsFile));
}

function onlyTrial(run: string): string {
  const [first, ...others] = trialsOf(run).filter((trial) => hasModel(run, trial));
  if (first !== undefined && others.length === 0) return first;
  throw new UserError(
    first === undefined
      ? `${run} has no model yet: one is written at the end of a trial that trains.`
      : `${run} has several models: name a trial with --trial: ${[first, ...others].join(", ")}.`,
  );
}

function modelFolder(run: string, trial: string): string {
  const known = trialsOf(run);
  if (!known.includes(trial)) {
    const meant = nearestName(trial, known);
    const list = known.length === 0 ? "none yet" : known.join(", ");
    throw new UserError(
      `${run} has no trial ${JSON.stringify(trial)}; its trials: ${list}.${meant === null ? "" : ` Did you mean ${meant}?`}`,
    );
  }
  if (!hasModel(run, trial)) {
    throw new UserError(
      `${trial} has no model: one is written at the end of a trial that trains (averse show ${run}).`,
    );
  }
  return join(run, "trials", trial, "model");
}

/** @throws {UserError} a file is missing or other than when it was written */
async function checkedFiles(model: string): Promise<Record<string, string>> {
  const sha256 = readDigests(model);
  for (const [name, wanted] of Object.entries(sha256)) {
    const path = join(model, name);
    const found = existsSync(path) ? await sha256OfFile(path) : null;
    if (found !== wanted) {
      const what = found === null ? "is missing" : "has changed since it was written";
      throw new UserError(
        `${path} ${what}: the model is damaged and is not exported.`,
        exitCode.environment,
      );
    }
  }
  return sha256;
}
