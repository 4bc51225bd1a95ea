/**
 * Whether two runs are the same to the bit, by their journals: for moves and rewrites that must not
 * change a figure.
 *
 *   node test/bit-equality.mjs BASE_RUN RUN                two run folders, the older code's first
 *   node test/bit-equality.mjs REVISION [--quickstart]     runs smoke (and the quickstart) with the
 *                                                          code of that git revision and with this
 *   node test/bit-equality.mjs CHECKOUT [--quickstart]     likewise, with a built checkout as base
 *
 * Exit code 0: equal · 1: not, with the first differences · 2: wrong usage, or a run that failed.
 * Both runs must be of one machine: another CPU rounds otherwise. `AVERSE_PYTHON` names the Python
 * of both; without it, this checkout's .venv.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Keys that have another name since, older name first. `*` stands for one key. A key that is a
 * name of a map's entry (a metric's, say) counts as a key.
 *
 * @type {readonly (readonly [older: string, newer: string])[]}
 */
const renamedKeys = [["hard_share", "batch_fraction"]];

/** Values that have another name since: key → older value → newer value. */
const renamedValues = /** @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */ ({
  weights: { average: "ema" },
});

/** Keys that only newer code writes. @type {readonly string[]} */
const newKeys = [
  "processes",
  "kept_step",
  "curve",
  "artifact",
  ...["digest", "reused"].map((key) => `artifact.${key}`),
  "figures.*.*.unit",
  "figures.*.*.description",
  ...["train", "test", "overlap"].map((key) => `prompts.${key}`),
  ...["rows", "good", "filtered", "duplicates", "left_out", "dropped", "truncated", "kept"].map(
    (key) => `rows.*.${key}`,
  ),
  "template",
  ...["repetition_rate", "self_bleu"].map((key) => `metrics.${key}`),
  "gradient_steps",
  // With a KL loss.
  "figures.advantage_deviation",
  "reward_preview",
  ...["texts", "component", "threshold", "under", "tail_fraction"].map(
    (key) => `reward_preview.${key}`,
  ),
  ...["quantiles", "floors"].flatMap((key) => [`reward_preview.${key}`, `reward_preview.${key}.*`]),
  ...["digest", "cached", "seconds"].map((key) => `prompt_scores.*.${key}`),
  // Two keys in the middle: models go by their config key, `policy.model`.
  "model_settings.*.*.*",
];

/** Events that only newer code writes. @type {readonly string[]} */
const newEvents = ["stage_started", "stage_ready"];

/**
 * What no two runs share, or what is no figure: the clock, memory, processes, versions, names of
 * files, words for people, and what digests of the controller's own files depend on.
 */
const ignoredKeys = [
  "seq",
  "time",
  "checksum",
  "seconds",
  "seconds.*",
  "prompt_scores.*.seconds",
  // A key of the cache: it covers how settings are spelled on the wire.
  "prompt_scores.*.digest",
  "episodes_per_s",
  "memory_bytes",
  "gpu",
  "gpu.*",
  "pid",
  "version",
  "versions.*",
  "message",
  "detail",
  "path",
  "samples",
  "episodes.file",
  "completions.file",
  // A checkpoint also holds the controller's own state, with keys that may be renamed; the weights
  // show in every later figure and in the exported model's digests.
  "checkpoint_saved:digest",
  "checkpoint_saved:bytes",
];

/**
 * @typedef {Readonly<Record<string, unknown>> & { readonly type: string }} Event
 * @typedef {object} Rules
 * @property {readonly (readonly [older: string, newer: string])[]} [renamedKeys]
 * @property {Readonly<Record<string, Readonly<Record<string, string>>>>} [renamedValues]
 * @property {readonly string[]} [newKeys]
 * @property {readonly string[]} [newEvents]
 * @property {readonly string[]} [ignoredKeys]
 */

/** @type {Required<Rules>} */
const ownRules = { renamedKeys, renamedValues, newKeys, newEvents, ignoredKeys };

/**
 * Trials work side by side, so that their events mix otherwise in every run: each trial's events
 * are compared in their order, and the run's own likewise.
 *
 * @param {readonly Event[]} base by the older code
 * @param {readonly Event[]} now
 * @param {Rules} [rules]
 * @returns {string[]} every difference in words; empty: none
 */
export function differences(base, now, rules = {}) {
  const inForce = { ...ownRules, ...rules };
  const before = byTrial(base);
  const after = byTrial(now.filter(({ type }) => !inForce.newEvents.includes(type)));
  const trials = [...new Set([...before.keys(), ...after.keys()])];
  return trials.flatMap((trial) =>
    trialDifferences(trial, before.get(trial) ?? [], after.get(trial) ?? [], inForce),
  );
}

/** @param {readonly Event[]} events */
function byTrial(events) {
  /** @type {Map<string, Event[]>} */
  const trials = new Map();
  for (const event of events) {
    const trial = typeof event.trial === "string" ? event.trial : "the run";
    trials.set(trial, [...(trials.get(trial) ?? []), event]);
  }
  return trials;
}

/**
 * @param {string} trial
 * @param {readonly Event[]} base
 * @param {readonly Event[]} now
 * @param {Required<Rules>} rules
 * @returns {string[]}
 */
function trialDifferences(trial, base, now, rules) {
  const count = Math.max(base.length, now.length);
  /** @type {string[]} */
  const found = [];
  for (let at = 0; at < count; at++) {
    const [a, b] = [base[at], now[at]];
    const names = [a, b].map((event) => (event === undefined ? "no event" : nameOf(event)));
    if (a === undefined || b === undefined || a.type !== b.type) {
      // What follows is out of step, and would be told as one difference after another.
      return [...found, `${trial}, event ${at + 1}: ${names[0]} was, ${names[1]} is`];
    }
    found.push(...eventDifferences(a, b, rules).map((words) => `${trial}, ${names[0]}: ${words}`));
  }
  return found;
}

/** @param {Event} event */
function nameOf({ type, step }) {
  return step === undefined ? type : `${type} ${step}`;
}

/**
 * @param {Event} base
 * @param {Event} now
 * @param {Required<Rules>} rules
 * @returns {string[]}
 */
function eventDifferences(base, now, rules) {
  const counts = (/** @type {string} */ key) =>
    !rules.ignoredKeys.some((one) => matches(one, key) || matches(one, `${base.type}:${key}`));
  const older = new Map(
    [...leaves(base)].map(([key, value]) => [
      newNameOf(key, rules),
      renamedValue(key, value, rules),
    ]),
  );
  const newer = new Map(leaves(now));
  const keys = [...new Set([...older.keys(), ...newer.keys()])].filter(counts);
  return keys.flatMap((key) => {
    if (!older.has(key)) {
      const known = rules.newKeys.some((one) => matches(one, key));
      return known ? [] : [`${key} is new: ${shown(newer.get(key))}`];
    }
    if (!newer.has(key)) return [`${key} is gone: it was ${shown(older.get(key))}`];
    return valueDifference(key, older.get(key), newer.get(key));
  });
}

/**
 * @param {string} key
 * @param {unknown} was
 * @param {unknown} is
 * @returns {string[]}
 */
function valueDifference(key, was, is) {
  if (Array.isArray(was) && Array.isArray(is) && was.length === is.length) {
    const at = was.findIndex((value, index) => !same(value, is[index]));
    return at < 0 ? [] : [`${key}.${at} was ${shown(was[at])}, is ${shown(is[at])}`];
  }
  return same(was, is) ? [] : [`${key} was ${shown(was)}, is ${shown(is)}`];
}

/**
 * To the bit: 0 and −0 differ.
 *
 * @param {unknown} a
 * @param {unknown} b
 */
function same(a, b) {
  return Object.is(a, b) || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}

/** @param {unknown} value */
function shown(value) {
  const text = Object.is(value, -0) ? "-0" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/**
 * The values of an event, lists whole, by their dotted keys.
 *
 * @param {object} value
 * @param {string} [prefix]
 * @returns {[key: string, value: unknown][]}
 */
function leaves(value, prefix = "") {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${prefix}${key}.`)
      : [/** @type {[string, unknown]} */ ([`${prefix}${key}`, inner])],
  );
}

/**
 * @param {string} pattern
 * @param {string} key
 */
function matches(pattern, key) {
  const parts = pattern.split(".");
  const names = key.split(".");
  return (
    parts.length === names.length && parts.every((part, at) => part === "*" || part === names[at])
  );
}

/**
 * @param {string} key
 * @param {Required<Rules>} rules
 */
function newNameOf(key, rules) {
  const rule = rules.renamedKeys.find(([older]) => matches(older, key));
  if (rule === undefined) return key;
  const names = key.split(".");
  const free = rule[0].split(".").flatMap((part, at) => (part === "*" ? [names[at]] : []));
  return rule[1].replaceAll("*", () => free.shift() ?? "*");
}

/**
 * @param {string} key
 * @param {unknown} value
 * @param {Required<Rules>} rules
 */
function renamedValue(key, value, rules) {
  const names = rules.renamedValues[key];
  return names !== undefined && typeof value === "string" ? (names[value] ?? value) : value;
}

/**
 * @param {string} run
 * @returns {Event[]}
 */
function journalOf(run) {
  const lines = readFileSync(join(run, "journal.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/* The runs of two checkouts. */

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs an experiment in a checkout, from nothing.
 *
 * @param {string} checkout built
 * @param {string} experiment
 * @param {string} folder of the run; is made
 */
function runIn(checkout, experiment, folder) {
  const python = process.env.AVERSE_PYTHON ?? join(root, ".venv", "bin", "python");
  told(`running ${experiment} in ${checkout}`);
  command(
    process.execPath,
    [join(checkout, "dist", "main.js"), "run", experiment, "--plain", "--run-dir", folder],
    // Each from nothing: what one has fine-tuned is not taken over by the other.
    { ...process.env, AVERSE_PYTHON: python, AVERSE_ARTIFACTS: `${folder}-artifacts` },
    checkout,
  );
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [cwd]
 */
function command(program, args, env = process.env, cwd = root) {
  const ended = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (ended.status !== 0) {
    const words = (ended.error?.message ?? ended.stderr ?? "").trim();
    throw new Error(`${[program, ...args].join(" ")} in ${cwd} failed: ${words}`);
  }
}

/** @param {string} checkout */
function build(checkout) {
  const tsc = join(checkout, "node_modules", "typescript", "bin", "tsc");
  command(process.execPath, [tsc, "-p", "tsconfig.json"], process.env, checkout);
}

/** @param {string} words */
function told(words) {
  process.stderr.write(`${words}\n`);
}

/**
 * @param {string} title
 * @param {string} base
 * @param {string} now
 * @returns {boolean} whether they are equal
 */
function compare(title, base, now) {
  const found = differences(journalOf(base), journalOf(now));
  const events = journalOf(now).length;
  const lines = found.slice(0, 20).map((words) => `  ${words}`);
  const rest = found.length > lines.length ? [`  and ${found.length - lines.length} more`] : [];
  const verdict =
    found.length === 0 ? `equal to the bit, ${events} events` : `${found.length} differences:`;
  process.stdout.write(`${[`${title}: ${verdict}`, ...lines, ...rest].join("\n")}\n`);
  return found.length === 0;
}

/**
 * @param {string} base git revision, or a built checkout
 * @param {readonly string[]} experiments
 * @returns {boolean}
 */
function compareWith(base, experiments) {
  const scratch = mkdtempSync(join(tmpdir(), "averse-equality-"));
  const checkout = existsSync(join(base, "dist", "main.js"))
    ? resolve(base)
    : join(scratch, "base");
  const borrowed = checkout === resolve(base);
  try {
    if (!borrowed) {
      command("git", ["worktree", "add", "--detach", checkout, base]);
      symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
      build(checkout);
    }
    build(root);
    const equal = experiments.map((experiment) => {
      const before = join(scratch, `base-${experiment}`);
      const after = join(scratch, `now-${experiment}`);
      runIn(checkout, experiment, before);
      runIn(root, experiment, after);
      return compare(experiment, before, after);
    });
    return equal.every(Boolean);
  } finally {
    if (!borrowed) {
      spawnSync("git", ["worktree", "remove", "--force", checkout], { cwd: root });
    }
    rmSync(scratch, { recursive: true, force: true });
  }
}

function main() {
  const words = process.argv.slice(2).filter((word) => word !== "--quickstart");
  const experiments = ["smoke", ...(process.argv.includes("--quickstart") ? ["quickstart"] : [])];
  const [base, now] = words;
  if (base === undefined || words.length > 2 || words.some((word) => word.startsWith("-"))) {
    told(
      "usage: bit-equality.mjs BASE_RUN RUN | REVISION [--quickstart] | CHECKOUT [--quickstart]",
    );
    return 2;
  }
  try {
    return (now === undefined ? compareWith(base, experiments) : compare(now, base, now)) ? 0 : 1;
  } catch (error) {
    told(/** @type {Error} */ (error).message);
    return 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
