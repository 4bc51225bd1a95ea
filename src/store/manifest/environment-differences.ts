/** How the program and the machine differ from those that a manifest tells of. */
import type { EnvironmentDifference, Manifest } from "./schema.js";

/** As much of an environment as is known; a version that is left out is not known yet. */
export type RecordedEnvironment = Pick<
  Manifest,
  "versions" | "git" | "lock_files" | "hardware" | "environment"
>;

type Leaf = EnvironmentDifference["was"];

/** Fields in the manifest's order; null: not there. */
export function environmentDifferences(
  was: RecordedEnvironment,
  is: RecordedEnvironment,
): EnvironmentDifference[] {
  const known = Object.keys(is.versions);
  const versions = Object.fromEntries(known.map((name) => [name, was.versions[name] ?? null]));
  return differences(fieldsOf({ ...environmentOf(was), versions }), fieldsOf(environmentOf(is)));
}

/** Of two runs that are over: also what their workers loaded, and on which devices. */
export function runDifferences(was: Manifest, is: Manifest): EnvironmentDifference[] {
  return differences(fieldsOf(runEnvironmentOf(was)), fieldsOf(runEnvironmentOf(is)));
}

function environmentOf({ versions, git, lock_files, hardware, environment }: RecordedEnvironment) {
  return {
    git: git ?? { commit: null, diff_sha256: null },
    lock_files,
    versions,
    hardware,
    environment,
  };
}

function runEnvironmentOf(manifest: Manifest) {
  const { devices, models, data } = manifest;
  return {
    ...environmentOf(manifest),
    devices: byTrial(devices, ({ device, name, dtype, threads, processes, strategy }) => ({
      device,
      name,
      dtype,
      threads,
      processes,
      strategy,
    })),
    // What a trial takes over from another one is a result of the run.
    models: byTrial(
      models.filter(({ source }) => !source.startsWith("trials/")),
      ({ role, source, revision, files }) => ({ [role]: { source, revision, files } }),
    ),
    data: { files: data.files, prompts: data.prompts },
  };
}

function byTrial<T extends { readonly trials: readonly string[] }>(
  items: readonly T[],
  content: (item: T) => object,
): Record<string, object> {
  const found: Record<string, object> = {};
  for (const item of items) {
    for (const trial of item.trials) {
      found[trial] = { ...found[trial], ...content(item) };
    }
  }
  return found;
}

function differences(
  was: ReadonlyMap<string, Leaf>,
  is: ReadonlyMap<string, Leaf>,
): EnvironmentDifference[] {
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((field) => {
    const pair = { field, was: was.get(field) ?? null, is: is.get(field) ?? null };
    return pair.was === pair.is ? [] : [pair];
  });
}

/** `versions.torch` → 2.9, … */
function fieldsOf(value: unknown, path = "", found = new Map<string, Leaf>()): Map<string, Leaf> {
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      fieldsOf(inner, path === "" ? key : `${path}.${key}`, found);
    }
  } else {
    found.set(path, value as Leaf);
  }
  return found;
}
