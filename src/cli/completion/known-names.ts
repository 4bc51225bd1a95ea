/** Names for completion, by looking at folders alone: a key press must not wait. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "../../store/paths.js";
import { environmentVersions } from "../../worker/python-path.js";
import { packageRoot } from "../machine/package.js";
import type { KnownNames } from "./complete.js";

/** Names of YAML files in a folder of configs, of the working directory and of the package. */
function configNames(kind: "experiments" | "workers"): string[] {
  const folders = [process.cwd(), packageRoot].map((root) => join(root, "configs", kind));
  const found = folders.flatMap((folder) =>
    entries(folder).flatMap((name) => (name.endsWith(".yaml") ? [name.slice(0, -5)] : [])),
  );
  return [...new Set(found)].sort();
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there, or not for this user: then there is nothing to name.
    return [];
  }
}

function runNames(folder: string): string[] {
  return entries(folder).filter((name) => existsSync(join(folder, name, runFiles.manifest)));
}

export const knownNames: KnownNames = {
  experiments: () => configNames("experiments"),
  backends: () => configNames("workers"),
  environments: () => environmentVersions(),
  runs: (folder) => {
    const names = runNames(folder).sort();
    return names.length === 0 ? [] : ["latest", ...names];
  },
  trials: (run, folder) => {
    const places =
      run === "latest"
        ? runNames(folder).map((name) => join(folder, name))
        : [run, join(folder, run)];
    return [...new Set(places.flatMap((place) => entries(join(place, "trials"))))].sort();
  },
  keys: async () => {
    const { keyReferences } = await import("../../config/reference.js");
    return keyReferences.map(({ key }) => key);
  },
};
