/** `averse export`: a trial's model copied out of its run, checked against its digests. */
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readDigests } from "../../store/digests.js";
import { digestsFile } from "../../store/paths.js";
import { sha256OfFile } from "../../system/sha256.js";
import { nearestName } from "../../text/nearest-name.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface ExportOptions {
  readonly trial: string;
  readonly to: string;
  readonly runs: string;
  readonly json: boolean;
}

export async function exportModel(
  run: string,
  options: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(run, options.runs);
  const model = modelFolder(folder, options.trial);
  const files = await checkedFiles(model);
  const to = resolve(options.to);
  if (existsSync(to) && readdirSync(to).length > 0) {
    throw new UserError(`${to} already exists and is not empty: choose a new folder with --to.`);
  }
  copyWhole(model, to);
  terminal.out(
    options.json
      ? JSON.stringify({ trial: options.trial, to, files })
      : `${options.trial} is in ${to}: AutoModelForCausalLM.from_pretrained(${JSON.stringify(to)})`,
  );
  return exitCode.done;
}

/**
 * Copied aside, under a unique name, and renamed: the requested folder is
 * whole or not there, and nothing that was there before is touched.
 */
function copyWhole(model: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const partial = `${to}.${randomUUID()}.partial`;
  try {
    cpSync(model, partial, {
      recursive: true,
      filter: (source) => source !== join(model, digestsFile),
    });
    // Made by the user, and seen to be empty above; one that has been filled since stays.
    if (existsSync(to)) rmdirSync(to);
    renameSync(partial, to);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

function modelFolder(run: string, trial: string): string {
  const trials = join(run, "trials");
  const known = existsSync(trials) ? readdirSync(trials) : [];
  if (!known.includes(trial)) {
    const meant = nearestName(trial, known);
    const list = known.length === 0 ? "none yet" : known.join(", ");
    throw new UserError(
      `${run} has no trial ${JSON.stringify(trial)}; its trials: ${list}.${meant === null ? "" : ` Did you mean ${meant}?`}`,
    );
  }
  const model = join(trials, trial, "model");
  if (!existsSync(join(model, digestsFile))) {
    throw new UserError(
      `${trial} has no model: one is written at the end of a trial that trains (averse show ${run}).`,
    );
  }
  return model;
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
