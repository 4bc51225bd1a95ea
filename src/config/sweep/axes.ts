/** A sweep's grid, read: which keys vary, and over what. */

import type { KeyPath } from "../key-path.js";
import { keptArmPath } from "../overrides.js";
import type { ConfigProblem } from "../problems.js";
import { keyReferenceAt } from "../reference.js";
import { armSections } from "../schema/experiment.js";
import type { SweepConfig } from "../schema/sweep.js";
import { describeValue, type Places, unknownKey } from "../schema-problems.js";

/** Values between two ends, both in. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
  /** Even in the logarithm. */
  readonly log: boolean;
  /** Of a key of whole numbers. */
  readonly whole: boolean;
}

export interface GridAxis {
  /** As written in the grid. */
  readonly key: string;
  /** `["risk", "alpha"]`, or `["arms", "ra-rlhf", "risk", "alpha"]`. */
  readonly path: KeyPath;
  readonly values: readonly unknown[] | ValueRange;
}

export function isRange(values: GridAxis["values"]): values is ValueRange {
  return "low" in values;
}

/** The key inside an arm: `["risk", "alpha"]`. */
export function keyInArm({ path }: Pick<GridAxis, "path">): KeyPath {
  return path[0] === "arms" ? path.slice(2) : path;
}

export interface ReadGrid {
  readonly axes: readonly GridAxis[];
  readonly problems: readonly ConfigProblem[];
}

/** @param arms of the experiment, by name */
export function readGrid(
  { grid, random }: SweepConfig,
  arms: readonly string[],
  places: Places,
): ReadGrid {
  const axes: GridAxis[] = [];
  const problems: ConfigProblem[] = [];
  for (const [key, written] of Object.entries(grid)) {
    const path = keptArmPath(key);
    const at = ["sweep", "grid", key];
    if (typeof path === "string") {
      problems.push(notOfAnArm(key, path, places));
      continue;
    }
    const known = keyReferenceAt(path[0] === "arms" ? path.slice(2) : path);
    const values =
      typeof written === "string" ? rangeOf(written, known?.kind === "integer") : written;
    const problem = (found: string, expected: string, remedy: string) =>
      problems.push({ place: places.of(at), key: at.join("."), found, expected, remedy });
    if (values === null) {
      problem(
        describeValue(written),
        "a list of values, or a range lo..hi or log:lo..hi with lo < hi (log: lo > 0)",
        `Write for example --grid ${key}=0.1,0.2 or, with --random, --grid ${key}=0.1..0.5.`,
      );
    } else if (path[0] === "arms" && !arms.includes(path[1]!)) {
      problem(
        `the arm ${path[1]}, which this experiment does not train`,
        `one of ${arms.join(", ")}`,
        "Name one of its arms.",
      );
    } else if (isRange(values) && random === null) {
      problem(
        `the range ${String(written)}`,
        "a list of values",
        "Draw points from it with --random N (sweep.random), or list its values.",
      );
    } else if (!isRange(values) && repeated(values) !== null) {
      problem(
        `the value ${JSON.stringify(repeated(values))} more than once`,
        "different values",
        "Name each value once; repetitions are seeds.",
      );
    } else {
      axes.push({ key, path, values });
    }
  }
  return { axes, problems };
}

function repeated(values: readonly unknown[]): unknown {
  const texts = values.map((value) => JSON.stringify(value));
  return values.find((_, at) => texts.indexOf(texts[at]!) !== at) ?? null;
}

/** `0.1..0.5`, `log:1e-6..1e-4`; null: neither. */
function rangeOf(text: string, whole: boolean): ValueRange | null {
  const found = /^(log:)?\s*([^.\s][^\s]*?)\s*\.\.\s*(\S+)$/.exec(text.trim());
  if (found === null) return null;
  const [low, high] = [Number(found[2]), Number(found[3])];
  const log = found[1] !== undefined;
  const sound = Number.isFinite(low) && Number.isFinite(high) && low < high && (!log || low > 0);
  return sound ? { low, high, log, whole } : null;
}

/** Why a key cannot vary between the arms of one run. */
function notOfAnArm(
  key: string,
  why: "unknown" | "shared" | "section",
  places: Places,
): ConfigProblem {
  const at = ["sweep", "grid", key];
  const place = places.of(at);
  if (why === "unknown") return { ...unknownKey(key.split("."), place), key: at.join(".") };
  if (why === "section") {
    return {
      place,
      key: at.join("."),
      found: `${key}, a section`,
      expected: "one key",
      remedy: `Name one of its keys, as in --grid ${key}.<key>=…; \`averse config explain ${key}\` lists them.`,
    };
  }
  const remedy =
    key === "seeds"
      ? "Every point trains on every seed: use --seeds, or the key seeds."
      : key === "arms" || key.startsWith("arms.")
        ? "Which arms are swept is said by --arms (sweep.arms)."
        : `All arms of a run share it. Start a run per value: averse run … --set ${key}=….`;
  return {
    place,
    key: at.join("."),
    found: `${key}, which no arm can change`,
    expected: `a key of ${Object.keys(armSections).join(", ")}`,
    remedy,
  };
}
