/** Which keys of several runs' configurations differ, and how. */
import type { Experiment } from "../../config/schema/experiment.js";

export interface KeyDifference {
  /** Of arms that all have the same values, once: `training.batch`. */
  readonly key: string;
  /** One per run, as JSON; null: the run has no such key. */
  readonly values: readonly (string | null)[];
}

/** What a run is called is no difference, nor which of the sweep's points its arms are. */
const names = /^(?:name|purpose|sweep\b)/;
const ofArm = /^arms\.([^.]+)\.(.+)$/;

export function configurationDifferences(experiments: readonly Experiment[]): KeyDifference[] {
  const flat = experiments.map((experiment) => new Map(leaves(experiment, "")));
  const keys = [...new Set(flat.flatMap((one) => [...one.keys()]))];
  const all = keys
    .filter((key) => !names.test(key))
    .map((key) => ({ key, values: flat.map((one) => one.get(key) ?? null) }));
  const differing = all.filter(({ values }) => new Set(values).size > 1);
  // What all arms share stands in the file once, and is told once.
  const byOwn = new Map<string, KeyDifference[]>();
  for (const row of differing) {
    const own = ofArm.exec(row.key)?.[2] ?? row.key;
    byOwn.set(own, [...(byOwn.get(own) ?? []), row]);
  }
  const inCommon = experiments.map(({ arms }) => Object.keys(arms));
  return [...byOwn].flatMap(([own, rows]): KeyDifference[] => {
    const told = new Set(rows.map(({ values }) => JSON.stringify(values.filter(known))));
    const arms = rows.flatMap(({ key }) => ofArm.exec(key)?.[1] ?? []);
    const shared = inCommon[0]!.filter((arm) => inCommon.every((one) => one.includes(arm)));
    const alike = told.size === 1 && shared.every((arm) => arms.includes(arm));
    const [first] = rows;
    return alike && arms.length > 0 ? [{ key: own, values: first!.values }] : rows;
  });
}

function known(value: string | null): value is string {
  return value !== null;
}

/** Lists are values: their places mean nothing to a reader. An arm that is missing is one row. */
function* leaves(value: unknown, key: string): Generator<[string, string]> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) {
      yield* leaves(inner, key === "" ? name : `${key}.${name}`);
    }
  } else {
    yield [key, JSON.stringify(value)];
  }
}
