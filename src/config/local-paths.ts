/**
 * Folders and files that a configuration names, found once and recorded as absolute paths, so that
 * a run can be resumed and reproduced from any folder.
 *
 * A value of the experiment's file is looked up beside that file, then in the working directory; one
 * of `--set` in the working directory alone. What is there is meant, also where a hub's model has
 * the same name. A model that is nowhere and has the form of a hub id (`name`, `owner/name`) is one;
 * `./name` is always a folder. All else that is missing is refused, before anything is loaded.
 */
import { readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { nearestName } from "../text/nearest-name.js";
import type { GivenValues } from "./given-values.js";
import { type KeyPath, valueAtKey, withValueAt } from "./key-path.js";
import type { ConfigProblem } from "./problems.js";
import type { DataConfig } from "./schema/data.js";
import type { Experiment } from "./schema/experiment.js";
import type { TrackerConfig } from "./schema/trackers.js";
import { stageNamed } from "./stages/references.js";

type Kind = "model" | "data" | "template" | "worker" | "function" | "words";

const pathKeys: readonly (readonly [section: string, key: string, kind: Kind])[] = [
  ["policy", "model", "model"],
  ["backend", "worker", "worker"],
  ["decoding", "expert", "model"],
  ["decoding", "anti_expert", "model"],
];

/** Of a reward component, and of a judge. */
const scorerKeys: readonly (readonly [key: string, kind: Kind])[] = [
  ["model", "model"],
  ["function", "function"],
  ["words", "words"],
];

const expected: Readonly<Record<Kind, string>> = {
  model: "builtin, the folder of a model, or a hub id",
  function: "file.py:function of a file that is there, or module:function",
  words: "a list of words, or a file that is there",
  data: "builtin, or a folder or file that is there",
  template: "auto, none, or a Jinja file that is there",
  worker: "the name of a file in configs/workers, or the path of one that is there",
};

export interface LocatedPaths {
  readonly experiment: Experiment;
  /** Key → path as it was written, of those that are absolute now and were not. */
  readonly written: Readonly<Record<string, string>>;
  readonly problems: readonly ConfigProblem[];
}

/** @param file of the experiment */
export function locatePaths(
  experiment: Experiment,
  given: GivenValues,
  file: string,
  workingDirectory: string,
): LocatedPaths {
  const written: Record<string, string> = {};
  const problems: ConfigProblem[] = [];
  let located = experiment;
  for (const { path, source, kind } of pathsOf(experiment, given)) {
    const value = valueAtKey(experiment, path);
    if (!isLocal(value, kind)) continue;
    const folders =
      given.origin(source) === "override" ? [workingDirectory] : [dirname(file), workingDirectory];
    const [own, rest] = kind === "function" ? splitFunction(value) : [value, ""];
    const places = [...new Set(folders.map((folder) => resolve(folder, own)))];
    const found = places.find((place) => isThere(place, kind));
    if (found !== undefined) {
      if (found === own) continue;
      located = withValueAt(located, path, `${found}${rest}`) as unknown as Experiment;
      written[path.join(".")] = value;
    } else if (kind !== "model" || !isHubId(value)) {
      const near = nearest(own, folders, kind);
      problems.push({
        place: given.of(source),
        key: source.join("."),
        found: `"${own}", which is ${places.length > 1 ? "neither" : "not"} ${places.join(" nor ")}`,
        expected: expected[kind],
        remedy: near === null ? "Correct the path." : `Did you mean ${near}${rest}?`,
      });
    }
  }
  return { experiment: located, written, problems };
}

/** Folders that trackers write to, absolute; they need not be there. */
export function withTrackerFolders(experiment: Experiment, workingDirectory: string): Experiment {
  const located = (one: TrackerConfig): TrackerConfig =>
    one.dir === null ? one : { ...one, dir: resolve(workingDirectory, one.dir) };
  const { trackers } = experiment;
  return {
    ...experiment,
    trackers: Array.isArray(trackers) ? trackers.map(located) : located(trackers),
  };
}

/** What a record tells of and is gone since: key → absolute path. */
export function missingPaths(experiment: Experiment): [key: string, path: string][] {
  return pathsOf(experiment, null).flatMap(({ path, kind }): [string, string][] => {
    const value = valueAtKey(experiment, path);
    if (typeof value !== "string") return [];
    const [own] = kind === "function" ? splitFunction(value) : [value];
    return isAbsolute(own) && !isThere(own, kind) ? [[path.join("."), own]] : [];
  });
}

export interface LocalPath {
  readonly path: KeyPath;
  /** Where the value was given: an arm has the section's, unless it sets it itself. */
  readonly source: KeyPath;
  readonly kind: Kind;
}

function pathsOf(experiment: Experiment, given: GivenValues | null): LocalPath[] {
  const { data, reward, evaluation, arms } = experiment;
  return [
    ...dataPaths(data, ["data"]),
    ...pathKeys.map(([section, key, kind]): LocalPath => {
      const path = [section, key];
      return { path, source: path, kind };
    }),
    ...(evaluation.fluency === null ? [] : [modelAt(["evaluation", "fluency", "model"])]),
    ...scorerPaths(reward, ["reward"]).map((one) => ({ ...one, source: one.path })),
    ...scorerPaths(evaluation.judges, ["evaluation", "judges"]).map((one) => ({
      ...one,
      source: one.path,
    })),
    ...Object.entries(arms).flatMap(([arm, { policy }]) =>
      policy === undefined ? [] : [modelAt(["arms", arm, "policy", "model"])],
    ),
    ...Object.entries(arms).flatMap(([arm, own]) =>
      scorerPaths(own.reward, ["reward"]).map(({ path: shared, kind }): LocalPath => {
        const path = ["arms", arm, ...shared];
        const isOwn = given !== null && given.origin(path) !== "default";
        return { path, source: isOwn ? path : shared, kind };
      }),
    ),
    ...Object.keys(arms).flatMap((arm) =>
      ["expert", "anti_expert"].map((key): LocalPath => {
        const shared = ["decoding", key];
        const path = ["arms", arm, ...shared];
        const isOwn = given !== null && given.origin(path) !== "default";
        return { path, source: isOwn ? path : shared, kind: "model" };
      }),
    ),
    ...stagePaths(experiment),
  ];
}

function modelAt(path: KeyPath): LocalPath {
  return { path, source: path, kind: "model" };
}

/** @param base of the data in the configuration */
export function dataPaths(data: DataConfig, base: KeyPath): LocalPath[] {
  const places = [
    { place: data.path, path: [...base, "path"] },
    ...(data.sources ?? []).map(({ path: place }, at) => ({
      place,
      path: [...base, "sources", String(at), "path"],
    })),
  ].flatMap(({ place, path }) =>
    typeof place === "object" && place !== null
      ? Object.keys(place).map((split) => [...path, split])
      : [path],
  );
  return [
    ...places.map((path) => ({ path, source: path, kind: "data" as const })),
    { path: [...base, "template"], source: [...base, "template"], kind: "template" },
  ];
}

/** Of one scorer, or of each in a list. */
function scorerPaths(scorers: unknown, base: KeyPath): Omit<LocalPath, "source">[] {
  const places = Array.isArray(scorers) ? scorers.map((_, place) => [String(place)]) : [[]];
  return places.flatMap((place) =>
    scorerKeys.map(([key, kind]) => ({ path: [...base, ...place, key], kind })),
  );
}

function stagePaths({ stages }: Experiment): LocalPath[] {
  return Object.entries(stages).flatMap(([name, { data }]) => {
    const own = ["stages", name];
    const path = [...own, "base", "model"];
    return [...dataPaths(data, [...own, "data"]), { path, source: path, kind: "model" as const }];
  });
}

/** `file.py:function` as file and `:function`. */
function splitFunction(value: string): [file: string, rest: string] {
  const colon = value.lastIndexOf(":");
  return [value.slice(0, colon), value.slice(colon)];
}

function isLocal(value: unknown, kind: Kind): value is string {
  if (typeof value !== "string" || value === "builtin" || stageNamed(value) !== null) return false;
  if (kind === "template") return value !== "auto" && value !== "none";
  // A module is found by the worker's Python, on its own path.
  if (kind === "function") return /[/\\]|\.py:\w+$/.test(value);
  // A name leads to a file of the package's, or of the working directory's configs.
  return kind !== "worker" || /[/\\]|\.ya?ml$/.test(value);
}

/** As huggingface_hub has it: `name` or `owner/name`. */
function isHubId(value: string): boolean {
  return /^[A-Za-z0-9_][\w.-]*(\/[\w.-]+)?$/.test(value) && !/--|\.\.|[.-]$/.test(value);
}

function isThere(path: string, kind: Kind): boolean {
  const found = entryAt(path);
  if (found === undefined) return false;
  if (kind === "data") return true;
  return kind === "model" ? found.isDirectory() : found.isFile();
}

/** @throws {Error} of the file system: the place cannot be looked into */
function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Nothing can have such a name.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENAMETOOLONG", "ELOOP", "ERR_INVALID_ARG_VALUE"].includes(code)) return undefined;
    throw error;
  }
}

/** What is there under the nearest name, as it would be written; null: nothing is near. */
function nearest(value: string, folders: readonly string[], kind: Kind): string | null {
  for (const folder of folders) {
    const near = nearestIn(resolve(folder, value));
    if (near !== null && isThere(near, kind)) {
      return isAbsolute(value) ? near : relative(folder, near).split(sep).join("/");
    }
  }
  return null;
}

/** The path with each part that is not there replaced by the nearest one that is. */
function nearestIn(path: string): string | null {
  if (entryAt(path) !== undefined) return path;
  const parent = dirname(path) === path ? null : nearestIn(dirname(path));
  if (parent === null || !isThere(parent, "model")) return null;
  const own = join(parent, basename(path));
  if (entryAt(own) !== undefined) return own;
  const name = nearestName(basename(path), readdirSync(parent));
  return name === null ? null : join(parent, name);
}
