/** `averse init`: an experiment for the files of a folder, guessed, explained, and ready to be changed. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { contextOf } from "../../preflight/windows.js";
import { safeText } from "../../text/safe-text.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import {
  type ChosenData,
  type ChosenModel,
  experimentText,
  type NewExperiment,
  rewardModule,
  type Template,
  templates,
} from "../init/experiment-text.js";
import { type FoundModel, foundData, foundModels, testBeside } from "../init/found-files.js";
import { guessColumns } from "../init/guess-columns.js";
import { type DataGlance, glanceAt } from "../machine/data-glance.js";
import type { Terminal } from "../terminal.js";

export interface InitOptions {
  readonly from?: string;
  readonly force: boolean;
  readonly json: boolean;
}

/**
 * @param file where to write; its folder is the one that is looked through
 * @throws {UserError} it is there already, or no such template
 */
export async function init(
  file: string,
  options: InitOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw new UserError(`there is no folder ${folder} to write ${file} in.`);
  refuseExisting(file, options.force);
  const asked = requireTemplate(options.from);
  const models = foundModels(folder);
  const data = await chosenData(
    folder,
    models.flatMap(({ labels }) => labels),
    terminal,
  );
  const template = asked ?? likelyTemplate(data);
  const policy = chosenPolicy(models);
  const plan: NewExperiment = {
    template,
    name: nameOf(file),
    file,
    policy,
    data,
    scorer: chosenScorer(template, models, data),
  };
  const reward = join(folder, "reward.py");
  const written = [file];
  writeFileSync(file, experimentText(plan));
  if (template === "python" && !existsSync(reward)) {
    writeFileSync(reward, rewardModule);
    written.push(relative(process.cwd(), reward));
  }
  terminal.out(options.json ? JSON.stringify({ written, ...plan }) : told(plan, written));
  return exitCode.done;
}

function refuseExisting(file: string, force: boolean): void {
  if (force || !existsSync(file)) return;
  throw new UserError(
    `${file} already exists: name another file (averse init FILE), or replace it with --force.`,
  );
}

function requireTemplate(from: string | undefined): Template | null {
  if (from === undefined) return null;
  const known = templates.find((one) => one === from);
  if (known !== undefined) return known;
  throw new UserError(`no template is named ${JSON.stringify(from)}: ${templates.join(", ")}.`);
}

/** An experiment's name becomes a folder's. */
function nameOf(file: string): string {
  const stem = basename(file, extname(file));
  const words = stem === "experiment" ? basename(dirname(resolve(file))) : stem;
  const name = words
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return name.slice(0, 64) || "experiment";
}

async function chosenData(
  folder: string,
  classes: readonly string[],
  terminal: Terminal,
): Promise<ChosenData> {
  const builtin: ChosenData = {
    path: "builtin",
    guess: null,
    others: [],
    values: null,
    split: null,
    testRows: null,
  };
  for (const path of foundData(folder)) {
    const glance = await glanceAt(join(folder, path));
    if (typeof glance === "string") {
      terminal.err(`${path} is left out: ${safeText(glance)}`);
      continue;
    }
    const chosen = dataOf(folder, path, glance, classes);
    if (chosen !== null) return chosen;
    terminal.err(`${path} is left out: no column of it holds texts`);
  }
  return builtin;
}

function dataOf(
  folder: string,
  path: string,
  { columns, rows }: DataGlance,
  classes: readonly string[],
): ChosenData | null {
  const guess = guessColumns(columns, classes);
  if (guess === null) return null;
  const used = new Set<string>([...Object.values(guess.columns), guess.label ?? ""]);
  const test = testBeside(folder, path);
  return {
    path: test === null ? path : { train: path, test },
    guess,
    others: columns.map(({ name }) => name).filter((name) => !used.has(name)),
    values: columns.find(({ name }) => name === guess.label)?.values ?? null,
    ...(test === null ? heldOut(rows) : { split: null, testRows: null }),
  };
}

/** A tenth, or more of a small file: a tail of 10 prompts takes 100. */
function heldOut(rows: number | null): { split: number; testRows: number | null } {
  if (rows === null) return { split: 0.1, testRows: null };
  const split = Math.max(0.1, Math.min(0.3, Math.ceil(10_000 / rows) / 100));
  return { split, testRows: Math.max(1, Math.floor(rows * split)) };
}

function likelyTemplate({ guess }: ChosenData): Template {
  if (guess?.columns.chosen !== undefined) return "preference";
  return /tox|hate|offens|harm|insult|abus/i.test(guess?.label ?? "") ? "toxicity" : "sentiment";
}

function chosenPolicy(models: readonly FoundModel[]): NewExperiment["policy"] {
  const own = models.find(({ kind }) => kind === "language model");
  if (own === undefined) {
    const comment = "the small built-in one; or a folder, or a hub id such as gpt2";
    return { model: "builtin", comment, context: 128 };
  }
  const context = contextOf(own.files.config);
  const positions = context === null ? "" : `, ${context} positions`;
  return { model: own.path, comment: `found here${positions}`, context };
}

/** Names of the label that is scored, the likeliest first. */
const goodLabels = ["positive", "pos", "good", "harmless", "safe", "label_1", "1", "neutral"];
const harmLabels = ["toxic", "toxicity", "offensive", "hate", "hateful", "harmful", "label_1", "1"];

function chosenScorer(
  template: Template,
  models: readonly FoundModel[],
  { guess }: ChosenData,
): (ChosenModel & { readonly label: string | null }) | null {
  if (template === "python") return null;
  if (template === "preference") {
    if (guess?.columns.chosen !== undefined) return null;
    const own = models.find(({ kind }) => kind === "reward model");
    return own === undefined
      ? {
          model: "OpenAssistant/reward-model-deberta-v3-large-v2",
          comment: "on the hub; or a folder",
          label: null,
        }
      : { model: own.path, comment: "found here", label: null };
  }
  const good = typeof guess?.good === "string" ? [guess.good.toLowerCase()] : [];
  const wanted = template === "toxicity" ? harmLabels : [...good, ...goodLabels];
  const scorers = models.filter(({ kind }) => kind !== "language model");
  const fitting = wanted.flatMap((name) =>
    scorers.filter(({ labels }) => labels.some((one) => one.toLowerCase() === name)),
  );
  const own = fitting[0] ?? scorers[0];
  if (own !== undefined) {
    const names = wanted.map((name) => own.labels.find((one) => one.toLowerCase() === name));
    const label = names.find((name) => name !== undefined) ?? own.labels.at(-1) ?? null;
    return {
      model: own.path,
      comment: `found here; its labels: ${own.labels.join(", ")}`,
      label: own.labels.length > 1 ? label : null,
    };
  }
  return template === "toxicity"
    ? {
        model: "unitary/toxic-bert",
        comment: "on the hub; or a folder with a classifier",
        label: "toxic",
      }
    : {
        model: "builtin",
        comment: "made for film reviews; or a folder or hub id of a classifier",
        label: null,
      };
}

function told({ template, policy, data, scorer, file }: NewExperiment, written: string[]): string {
  const { path, guess } = data;
  const where = typeof path === "string" ? path : `${path.train} and ${path.test}`;
  const columns = Object.entries(guess?.columns ?? {}).map(
    ([role, name]) => `${role} from ${name}`,
  );
  const label = guess?.label == null ? [] : [`label from ${guess.label}`];
  const good = guess?.good == null ? [] : [`good is ${JSON.stringify(guess.good)}`];
  const unsure = guess?.isSure === false ? [" (check `good`: it is a guess)"] : [];
  const reward = template === "python" ? "reward.py" : (scorer?.model ?? "trained from the pairs");
  return [
    `Wrote ${written.map((one) => one.split(sep).join("/")).join(" and ")}, a ${template} experiment:`,
    `  data    ${[where, ...columns, ...label, ...good].join(", ")}${unsure.join("")}`,
    `  policy  ${policy.model}`,
    `  reward  ${reward}`,
    `\`averse config validate ${file}\` checks it, \`averse run ${file}\` runs it.`,
  ]
    .map((line) => safeText(line))
    .join("\n");
}
