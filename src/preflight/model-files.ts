/**
 * What a model's folder declares, read without torch: config.json, the headers of its weights, the
 * names of its files. The worker checks all of it again, with its libraries, when it loads.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isTree, type Tree } from "../config/key-path.js";
import { readTensorFile } from "./safetensors.js";

export interface ModelFiles {
  /** Folder or hub id. */
  readonly place: string;
  readonly config: Tree;
  /** tokenizer_config.json; null: there is none, or it is not known. */
  readonly tokenizer: Tree | null;
  /** Names of the files at the top; null: not known, as of a hub that is not reached. */
  readonly names: readonly string[] | null;
  /** Numbers in all weights; null: not known. */
  readonly parameters: number | null;
}

/** Why a folder cannot be a model: what was found, what was expected, what to do. */
export interface ModelRefusal {
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

export const indexFile = "model.safetensors.index.json";
const single = "model.safetensors";

/** @param folder absolute */
export function readModelFolder(folder: string): ModelFiles | ModelRefusal {
  const names = readdirSync(folder).sort();
  const adapter = names.includes("adapter_config.json");
  if (adapter) {
    return {
      found: `an adapter (${join(folder, "adapter_config.json")})`,
      expected: "a whole model",
      remedy: "Merge it into its base model (peft: merge_and_unload, then save_pretrained).",
    };
  }
  const config = readJson(folder, "config.json");
  if (config === null) {
    return {
      found: `${folder}, which has no config.json`,
      expected: "the folder of a model in transformers format",
      remedy: "Give the folder that save_pretrained wrote.",
    };
  }
  if (!isTree(config)) {
    return {
      found: `${join(folder, "config.json")}, which is not a JSON object`,
      expected: "config.json as transformers writes it",
      remedy: "Copy or download the model again.",
    };
  }
  const files = weightFiles(folder, names);
  if ("found" in files) return files;
  let parameters = 0;
  for (const name of files.names) {
    const file = names.includes(name) ? readTensorFile(join(folder, name)) : null;
    if (file === null || file.bytes !== file.expectedBytes) {
      return brokenFile(join(folder, name), names.includes(name), file);
    }
    parameters += file.parameters;
  }
  const tokenizer = readJson(folder, "tokenizer_config.json");
  return {
    place: folder,
    config,
    tokenizer: isTree(tokenizer) ? tokenizer : null,
    names,
    parameters,
  };
}

/**
 * Files of weights that are pickles run code when they are read, so they are never read.
 *
 * @param names of a folder or a repository
 * @returns null: its weights are in safetensors
 */
export function pickleRefusal(place: string, names: readonly string[]): ModelRefusal | null {
  if (names.includes(single) || names.includes(indexFile)) return null;
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt|pkl|pickle)$/.test(name));
  const other = names.find((name) => /\.(h5|msgpack|onnx|gguf|safetensors)$/.test(name));
  return {
    found:
      pickle !== undefined
        ? `${place} with its weights in ${pickle}, a pickle, which could run code when it is read`
        : other !== undefined
          ? `${place} with its weights in ${other}`
          : `${place}, which has no weights`,
    expected: `weights in ${single} (or several files and ${indexFile})`,
    remedy:
      pickle !== undefined
        ? "Set a revision that has safetensors, or convert it where you trust it (from_pretrained, then save_pretrained)."
        : "Save the model with save_pretrained.",
  };
}

function weightFiles(
  folder: string,
  names: readonly string[],
): { readonly names: readonly string[] } | ModelRefusal {
  const refusal = pickleRefusal(folder, names);
  if (refusal !== null) return refusal;
  if (names.includes(single)) return { names: [single] };
  const index = readJson(folder, indexFile);
  const map = isTree(index) ? index.weight_map : null;
  const files = isTree(map) ? Object.values(map) : [];
  if (files.length > 0 && files.every((name): name is string => typeof name === "string")) {
    return { names: [...new Set(files)].map((name) => basename(name)).sort() };
  }
  return {
    found: `${join(folder, indexFile)} without "weight_map"`,
    expected: "a map from tensor name to file name",
    remedy: "Copy or download the model again.",
  };
}

function brokenFile(
  path: string,
  isThere: boolean,
  file: ReturnType<typeof readTensorFile>,
): ModelRefusal {
  const found = !isThere
    ? `no ${path}, which ${indexFile} lists`
    : file === null
      ? `${path}, which is not a safetensors file`
      : `${path} with ${file.bytes} bytes`;
  return {
    found,
    expected: file === null ? "the whole model" : `${file.expectedBytes} bytes, as its header says`,
    remedy: "Copy or download it again.",
  };
}

/** @returns null: there is no such file; undefined: it is no JSON */
function readJson(folder: string, name: string): unknown {
  let text: string;
  try {
    text = readFileSync(join(folder, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
