/** What a run comes to, read from its folder by no code of the product: figures and digests. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Facts of an event that no two runs share. */
const own = new Set([
  ...["seq", "time", "seconds", "episodes_per_s", "memory_bytes", "gpu", "pid", "path", "samples"],
  "checksum",
  // Of an artifact: who made it, this run's first controller or a later one.
  "reused",
]);

/** Events that are figures of the run, and what tells one from another of its type. */
const figures = /** @type {const} */ ({
  stage_ready: ["name"],
  points_dropped: ["seed"],
  sft_finished: [],
  step: ["step"],
  evaluated: ["step", "final"],
});

/** Folders of a trial whose files must come out the same. */
const parts = /** @type {const} */ (["model", "samples", "texts"]);

/** @typedef {{ type: string, trial: string | null } & Record<string, unknown>} JournalEvent */

/** @param {string} key @param {unknown} value */
function withoutOwn(key, value) {
  return own.has(key) ? undefined : value;
}

/** @param {string} run @returns {JournalEvent[]} */
export function journalOf(run) {
  const lines = readFileSync(join(run, "journal.jsonl"), "utf8").split("\n");
  if (lines.pop() !== "") throw new Error(`${run}: the journal's last line is torn`);
  return lines.map((line, index) => {
    const event = JSON.parse(line);
    if (event.seq !== index + 1) throw new Error(`${run}: line ${index + 1} has seq ${event.seq}`);
    return event;
  });
}

/**
 * @typedef {object} Outcome
 * @property {Map<string, string>} figures `trial type step` → the figures as text
 * @property {Map<string, string>} files path in the run folder → sha256, of models and texts
 * @property {string} evaluation evaluation.json without what no two runs share
 * @property {string} manifest what manifest.json says of results, models and data
 */

/**
 * @param {string} run folder of a run that is done
 * @returns {Outcome}
 * @throws {Error} a figure that was reckoned twice is not the same twice
 */
export function outcomeOf(run) {
  const { seconds: _, ...evaluation } = JSON.parse(
    readFileSync(join(run, "evaluation.json"), "utf8"),
  );
  const manifest = JSON.parse(readFileSync(join(run, "manifest.json"), "utf8"));
  return {
    figures: figuresOf(journalOf(run)),
    files: new Map(parts.flatMap((part) => digests(run, part))),
    evaluation: JSON.stringify(evaluation, withoutOwn),
    manifest: manifestText(manifest),
  };
}

/**
 * @param {readonly JournalEvent[]} events
 * @returns {Map<string, string>} of the last event where work was done again
 * @throws {Error}
 */
export function figuresOf(events) {
  const found = new Map();
  for (const event of events) {
    const keys = figures[/** @type {keyof typeof figures} */ (event.type)];
    if (keys === undefined) continue;
    const name = [event.trial, event.type, ...keys.map((key) => event[key])].join(" ");
    const text = JSON.stringify(event, withoutOwn);
    const before = found.get(name);
    if (before !== undefined && before !== text) {
      throw new Error(`${name} was done twice, and differs: ${firstDifference(before, text)}`);
    }
    found.set(name, text);
  }
  return found;
}

/**
 * @param {Outcome} expected
 * @param {Outcome} found
 * @returns {string[]} empty: not a bit differs
 */
export function differences(expected, found) {
  return [
    ...mapDifferences(expected.figures, found.figures),
    ...mapDifferences(expected.files, found.files),
    ...(expected.evaluation === found.evaluation
      ? []
      : [`evaluation.json: ${firstDifference(expected.evaluation, found.evaluation)}`]),
    ...(expected.manifest === found.manifest
      ? []
      : [`manifest.json: ${firstDifference(expected.manifest, found.manifest)}`]),
  ];
}

/**
 * @param {ReadonlyMap<string, string>} expected
 * @param {ReadonlyMap<string, string>} found
 */
function mapDifferences(expected, found) {
  const names = new Set([...expected.keys(), ...found.keys()]);
  return [...names].flatMap((name) => {
    const [a, b] = [expected.get(name), found.get(name)];
    if (a === b) return [];
    if (a === undefined || b === undefined) {
      return [`${name} is ${a === undefined ? "in this run only" : "missing"}`];
    }
    return [`${name}: ${firstDifference(a, b)}`];
  });
}

/**
 * In sorted order: trials that run side by side come by in any.
 *
 * @param {{ outcome: string, results: { trials: object }, models: { trials: string[] }[], data: object }} manifest
 */
function manifestText({ outcome, results, models, data }) {
  const sorted = (/** @type {object[]} */ list) => list.map((one) => JSON.stringify(one)).sort();
  return JSON.stringify([
    outcome,
    data,
    sorted(Object.entries(results.trials)),
    sorted(models.map((model) => ({ ...model, trials: [...model.trials].sort() }))),
  ]);
}

/** @param {string} a @param {string} b */
function firstDifference(a, b) {
  const unlike = [...a].findIndex((letter, index) => letter !== b[index]);
  const at = unlike < 0 ? a.length : unlike;
  const from = Math.max(0, at - 40);
  return `…${a.slice(from, at + 40)}… became …${b.slice(from, at + 40)}…`;
}

/**
 * @param {string} run
 * @param {"model" | "samples" | "texts"} part
 * @returns {[string, string][]}
 */
function digests(run, part) {
  const trials = join(run, "trials");
  return readdirSync(trials)
    .flatMap((trial) => filesIn(join(trials, trial, part)))
    .map((file) => [
      relative(run, file),
      createHash("sha256").update(readFileSync(file)).digest("hex"),
    ]);
}

/** @param {string} folder @returns {string[]} with their paths, at any depth; none where it is missing */
export function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
