/** What the worker's Python has to say of itself: one short script, run once. */
import { spawn } from "node:child_process";

export interface PythonFacts {
  readonly version: string;
  readonly executable: string;
  /** Package → version; null: not installed. */
  readonly packages: Readonly<Record<string, string | null>>;
  /** Null: torch cannot be imported; `torch_error` says why. */
  readonly torch: {
    readonly cuda: readonly string[];
    readonly cuda_build: string | null;
    /** Why a GPU's load cannot be read; null: of all of them it can, or there is none. */
    readonly cuda_load_error: string | null;
    readonly mps: boolean;
    readonly threads: number;
  } | null;
  readonly torch_error: string | null;
}

export const workerPackages = [
  "torch",
  "transformers",
  "trl",
  "peft",
  "accelerate",
  "datasets",
  "tokenizers",
  "safetensors",
  "numpy",
  "msgspec",
  "pyzmq",
] as const;

const script = `
import importlib.metadata as metadata, json, platform, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
def load_error(torch, count):
    try:
        for index in range(count):
            torch.cuda.utilization(index)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
facts = {
    "version": platform.python_version(),
    "executable": sys.executable,
    "packages": {name: version(name) for name in sys.argv[1:]},
    "torch": None,
    "torch_error": None,
}
try:
    import torch
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    facts["torch"] = {
        "cuda": [torch.cuda.get_device_name(index) for index in range(count)],
        "cuda_build": torch.version.cuda,
        "cuda_load_error": load_error(torch, count),
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
    }
except Exception as error:
    facts["torch_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(facts))
`;

const timeoutMs = 120_000;

/** @returns the facts, or in words why there are none */
export function probePython(python: string): Promise<PythonFacts | string> {
  return new Promise((resolve) => {
    const child = spawn(python, ["-I", "-c", script, ...workerPackages], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Not spawn's own timeout: its timer outlives a program that could not be started.
    const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.on("error", (error) => {
      clearTimeout(limit);
      resolve(error.message);
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      if (code === 0) resolve(JSON.parse(out) as PythonFacts);
      else resolve(err.trim().split("\n").at(-1) || `it ended with status ${code}`);
    });
  });
}
