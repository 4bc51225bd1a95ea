/** The single findings of `averse doctor`, each with a remedy where it is not well. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { environmentVersions, isCheckout, workerEnvironment } from "../../worker/python-path.js";
import { type PythonFacts, workerPackages } from "./environment-probe.js";
import { setupCommand } from "./package.js";

export interface Finding {
  readonly what: string;
  /** Null: worth knowing, neither good nor bad. */
  readonly ok: boolean | null;
  readonly found: string;
  /** Empty where nothing is to be done. */
  readonly remedy: string;
}

export function nodeFinding(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return finding("Node", ok, version, "Install Node 20.19 or newer from https://nodejs.org.");
}

export function npmFinding(): Finding {
  const { status, stdout } = spawnSync("npm", ["--version"], { encoding: "utf8", timeout: 30_000 });
  const ok = status === 0 ? true : null;
  return finding(
    "npm",
    ok,
    status === 0 ? stdout.trim() : "not found",
    "npm comes with Node; only installing needs it.",
  );
}

export function pythonFinding(facts: PythonFacts | string, python: string): Finding {
  if (typeof facts === "string") {
    return finding(
      "Python",
      false,
      `${python} does not run: ${facts}`,
      `Run \`${setupCommand}\`: it makes the environment again; if AVERSE_PYTHON is set, correct or unset it.`,
    );
  }
  const [major = 0, minor = 0] = facts.version.split(".").map(Number);
  const ok = major > 3 || (major === 3 && minor >= 11);
  return finding(
    "Python",
    ok,
    `${facts.version}, ${facts.executable}`,
    "The worker needs Python 3.11 or newer; set AVERSE_PYTHON.",
  );
}

export function venvFinding(
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
): Finding {
  if (environment.AVERSE_PYTHON) {
    return finding(
      "virtual environment",
      null,
      `AVERSE_PYTHON=${environment.AVERSE_PYTHON} is used instead`,
      "",
    );
  }
  const { folder, ready } = workerEnvironment(root, environment);
  const own = isCheckout(root);
  const name = own ? ".venv" : folder;
  const marked = existsSync(ready);
  const there = existsSync(folder);
  const others = own || there ? [] : environmentVersions(environment);
  const other = others.length === 0 ? "" : `, only of averse ${others.join(", ")}`;
  const found = marked
    ? `${name}, complete`
    : there
      ? `${name}, not marked as complete`
      : `no ${name}${other}`;
  return finding(
    "virtual environment",
    // A checkout's is used all the same; who made it may have had reasons.
    marked ? true : there && own ? null : false,
    found,
    `Run \`${setupCommand}\`: it makes or completes ${own ? ".venv" : "it"}.`,
  );
}

/** Against python/constraints.txt; a local build such as 2.13.0+cpu is that version. */
export function packageFindings(facts: PythonFacts, root: string): Finding[] {
  const pins = readPins(join(root, "python", "constraints.txt"));
  return workerPackages.map((name) => {
    const version = facts.packages[name] ?? null;
    const remedy = `Run \`${setupCommand}\` to install it, or pip install it into your own environment.`;
    if (version === null) return finding(name, false, "not installed", remedy);
    const pin = pins.get(name);
    const other = pin !== undefined && pin !== version.split("+")[0];
    const found = other ? `${version} (tested with ${pin})` : version;
    return finding(name, other ? null : true, found, other ? remedy : "");
  });
}

export function torchFindings(facts: PythonFacts): Finding[] {
  const memory = `${availableParallelism()} cores, ${gigabytes(totalmem())} memory`;
  const cpu = finding("CPU", true, memory, "");
  if (facts.torch === null) {
    const remedy = `Reinstall PyTorch: remove the environment and run \`${setupCommand}\`.`;
    return [cpu, finding("torch import", false, facts.torch_error ?? "failed", remedy)];
  }
  const { cuda, cuda_build, cuda_load_error, mps } = facts.torch;
  const driver = nvidiaDriver();
  const found =
    cuda.length > 0
      ? `${cuda.join(", ")} (driver ${driver ?? "unknown"}, torch built for CUDA ${cuda_build})`
      : driver === null
        ? "no NVIDIA GPU"
        : cuda_build === null
          ? `driver ${driver}, but this torch is built without CUDA`
          : `driver ${driver}, but torch (CUDA ${cuda_build}) finds no device`;
  const unused = cuda.length === 0 && driver !== null;
  const remedy = unused
    ? "Install a torch wheel that fits the driver (https://pytorch.org) into the environment."
    : "";
  return [
    cpu,
    finding("CUDA", cuda.length > 0 ? true : null, found, remedy),
    ...(cuda.length > 0 ? [gpuLoadFinding(cuda_load_error)] : []),
    finding("MPS", mps ? true : null, mps ? "available" : "not on this machine", ""),
  ];
}

/** Runs do without it: the dashboard then shows the GPU's memory alone. */
function gpuLoadFinding(error: string | null): Finding {
  if (error === null) return finding("GPU load", true, "can be read", "");
  const remedy = error.startsWith("ModuleNotFoundError")
    ? `Run \`${setupCommand}\` to install nvidia-ml-py, or pip install it into your own environment; runs go without.`
    : "Runs go without: the dashboard shows the GPU's memory alone.";
  return finding("GPU load", null, `cannot be read: ${error}`, remedy);
}

function nvidiaDriver(): string | null {
  const query = ["--query-gpu=driver_version", "--format=csv,noheader"];
  const { status, stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? (stdout.split("\n")[0]?.trim() ?? null) : null;
}

/** The nearest folder that exists decides: runs/ is made by the first run. */
export function runsFinding(runs: string): Finding {
  const remedy = "A run keeps models and checkpoints: free some space.";
  return folderFinding("runs folder", runs, "--runs", remedy);
}

/** @param folder of the artifacts; absolute */
export function artifactsFinding(folder: string): Finding {
  const remedy = "`averse artifacts rm --unused` frees some space.";
  return folderFinding("artifacts folder", folder, "--artifacts", remedy);
}

function folderFinding(what: string, path: string, option: string, remedy: string): Finding {
  const folder = nearestExisting(resolve(path));
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    const found = `no permission to write into ${folder}`;
    return finding(what, false, found, `Choose another with ${option} DIR.`);
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return finding(
    what,
    free > 1e9 ? true : null,
    `${resolve(path)}, ${gigabytes(free)} free`,
    remedy,
  );
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

const assets = ["language-model", "reward", "judge"];

export function assetFindings(root: string): Finding[] {
  const folder = join(root, "python", "averse_worker", "assets");
  return assets.map((name) => {
    const ok = existsSync(join(folder, name, "config.json"));
    const remedy = isCheckout(root)
      ? "Restore it from git, or make it: npm run assets -- --data DIR."
      : "Install averse again.";
    return finding(
      `built-in ${name}`,
      ok,
      ok ? "present" : `missing in ${folder}`,
      ok ? "" : remedy,
    );
  });
}

function readPins(file: string): Map<string, string> {
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, "utf8").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const [name, version] = line.split("==");
      return name && version ? [[name.trim().replaceAll("_", "-"), version.trim()]] : [];
    }),
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

export function finding(what: string, ok: boolean | null, found: string, remedy: string): Finding {
  return { what, ok, found, remedy: ok === true ? "" : remedy };
}
