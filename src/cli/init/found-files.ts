/** Data files and model folders of a folder that an experiment is to be written for. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { labelsOf } from "../../preflight/check-model.js";
import { type ModelFiles, readModelFolder } from "../../preflight/model-files.js";

export interface FoundModel {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly files: ModelFiles;
  readonly kind: "language model" | "classifier" | "reward model";
  /** Of a classifier. */
  readonly labels: readonly string[];
}

const dataFile = /\.(jsonl|json|csv|tsv|parquet|arrow)(\.(gz|xz|bz2|zst|zip))?$/i;
/** Written by tools, and never data. */
const noData = /^(package(-lock)?|tsconfig|config|tokenizer.*|.*schema)\.json$/i;

/** Files that may be data, the most likely first; paths relative to the folder. */
export function foundData(folder: string): string[] {
  const here = ["", "data"].filter((name) => isFolder(join(folder, name)));
  return here.flatMap((name) =>
    readdirSync(join(folder, name))
      .filter((file) => dataFile.test(file) && !noData.test(file))
      .map((file) => (name === "" ? file : `${name}/${file}`))
      .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)),
  );
}

/** The test half of a pair is found with its train half. */
function rank(path: string): number {
  return /(^|[/_.-])train/i.test(path) ? 0 : /(^|[/_.-])(test|valid|dev|eval)/i.test(path) ? 2 : 1;
}

/** The test file beside a train file; null: there is none. */
export function testBeside(folder: string, path: string): string | null {
  const other = path.replace(/(^|[/_.-])train/i, "$1test");
  return other !== path && existsSync(join(folder, other)) ? other : null;
}

/** Model folders at the top and one level down, by name. */
export function foundModels(folder: string): FoundModel[] {
  const children = foldersIn(folder, "");
  const paths = [...children, ...children.flatMap((child) => foldersIn(folder, child))];
  return paths.sort().flatMap((path) => modelIn(folder, path) ?? []);
}

function foldersIn(folder: string, parent: string): string[] {
  return readdirSync(join(folder, parent), { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && !/^(\.|runs$|artifacts$|node_modules$)/.test(entry.name),
    )
    .map(({ name }) => (parent === "" ? name : `${parent}/${name}`));
}

function modelIn(folder: string, path: string): FoundModel | null {
  if (!existsSync(join(folder, path, "config.json"))) return null;
  const files = readModelFolder(join(folder, path));
  if ("found" in files) return null;
  const { architectures } = files.config;
  const names = Array.isArray(architectures) ? architectures.map(String) : [];
  if (names.some((name) => name.includes("SequenceClassification"))) {
    const labels = labelsOf(files) ?? [];
    return { path, files, kind: labels.length === 1 ? "reward model" : "classifier", labels };
  }
  const generates = names.some((name) => /CausalLM|LMHeadModel/.test(name));
  return generates ? { path, files, kind: "language model", labels: [] } : null;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
