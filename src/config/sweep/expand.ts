/**
 * From an experiment and a grid to one experiment with an arm per point. A point is the experiment
 * as `--set key=value` for each key of the grid would make it; an arm that a key cannot change is
 * trained once for all its values.
 */
import { resolveArms } from "../arms.js";
import { holdsValue } from "../checks.js";
import type { GivenValues } from "../given-values.js";
import { type KeyPath, type Tree, valueAtKey, withValueAt } from "../key-path.js";
import { withOverride } from "../overrides.js";
import type { ConfigProblem, SourcePlace } from "../problems.js";
import { type ArmConfig, type ExperimentFile, experimentSchema } from "../schema/experiment.js";
import type { SweepPoint } from "../schema/sweep.js";
import { type Places, schemaProblems } from "../schema-problems.js";
import { type GridAxis, keyInArm, readGrid } from "./axes.js";
import { isInForce } from "./in-force.js";
import { pointNames, shortKeys } from "./point-names.js";
import { allPoints, combinations, drawnPoints, type Values } from "./points.js";

/** Arms of one run. */
const mostArms = 1000;

export interface SweptExperiment {
  /** The experiment's sections as they are written, overrides in, without `arms`. */
  readonly tree: Tree;
  readonly sections: ExperimentFile;
  /** Arm → the keys that it changes itself. */
  readonly changes: Readonly<Record<string, Tree>>;
  /** At the experiment's own values. */
  readonly arms: Readonly<Record<string, ArmConfig>>;
  readonly given: GivenValues;
}

export interface ExpandedSweep {
  readonly arms: Readonly<Record<string, ArmConfig>>;
  /** Of the arms that are settings of another; in the order of `arms`. */
  readonly points: readonly SweepPoint[];
  readonly problems: readonly ConfigProblem[];
}

export function expandSweep(swept: SweptExperiment): ExpandedSweep {
  const { sweep } = swept.sections;
  const nothing = { arms: swept.arms, points: [] };
  const idle = withoutGrid(swept);
  if (Object.keys(sweep.grid).length === 0) return { ...nothing, problems: idle };
  const { axes, problems } = readGrid(sweep, Object.keys(swept.arms), swept.given);
  const wrong = [...problems, ...unknownArms(swept)];
  if (wrong.length > 0) return { ...nothing, problems: wrong };
  if (sweep.random === null) {
    const count = sweptArms(swept).reduce((sum, arm) => sum + combinations(axesOf(arm, axes)), 0);
    if (count > mostArms) return { ...nothing, problems: [tooMany(count, swept.given)] };
    return expanded(swept, axes, (arm) => allPoints(axesOf(arm, axes)));
  }
  const count = sweep.random;
  if (count > mostArms) return { ...nothing, problems: [tooMany(count, swept.given)] };
  const points = drawnPoints(axes, count, sweep.draw);
  if (points.length < count) {
    return { ...nothing, problems: [tooFew(count, points.length, swept.given)] };
  }
  return expanded(swept, axes, () => points);
}

/** Those that change an arm: keys of the grid that are another arm's own multiply nothing. */
function axesOf(arm: string, axes: readonly GridAxis[]): GridAxis[] {
  return axes.filter(({ path }) => path[0] !== "arms" || path[1] === arm);
}

function sweptArms({ sections, arms }: SweptExperiment): string[] {
  return Object.keys(arms).filter(
    (name) => isSweepable(arms[name]!) && (sections.sweep.arms?.includes(name) ?? true),
  );
}

function expanded(
  swept: SweptExperiment,
  axes: readonly GridAxis[],
  pointsOf: (arm: string) => readonly Values[],
): ExpandedSweep {
  const isSwept = new Set(sweptArms(swept));
  const arms: Record<string, ArmConfig> = {};
  const found: SweepPoint[] = [];
  const problems: ConfigProblem[] = [];
  const settings = new Settings(swept, axes);
  const short = shortKeys(axes.map((axis) => keyInArm(axis).join(".")));
  const shortOf = Object.fromEntries(
    axes.map((axis) => [axis.key, short[keyInArm(axis).join(".")]!]),
  );
  for (const [name, config] of Object.entries(swept.arms)) {
    const own = isSwept.has(name) ? settings.of(name, pointsOf(name)) : [];
    if (own.every(({ values }) => Object.keys(values).length === 0)) {
      arms[name] = config;
      continue;
    }
    const taken = new Set([...Object.keys(swept.arms), ...Object.keys(arms)]);
    const names = pointNames(
      name,
      own.map(({ values }) => values),
      shortOf,
      taken,
    );
    for (const [at, { values, config: setting }] of own.entries()) {
      const arm = Object.keys(values).length === 0 ? name : names[at]!;
      arms[arm] = setting;
      if (Object.keys(values).length > 0) found.push({ arm, of: name, values: { ...values } });
    }
  }
  problems.push(...settings.problems);
  if (problems.length === 0) problems.push(...idleAxes(axes, found, swept));
  return { arms, points: found, problems };
}

interface Setting {
  readonly values: Values;
  readonly config: ArmConfig;
}

/** The arms of an experiment at points of its grid. */
class Settings {
  readonly problems: ConfigProblem[] = [];
  readonly #places: Places;
  readonly #known = new Map<string, ArmConfig | null>();

  constructor(
    private readonly swept: SweptExperiment,
    private readonly axes: readonly GridAxis[],
  ) {
    this.#places = gridPlaces(swept.given, axes);
  }

  /** Each that differs from the others in what the arm does, by the keys that make it so. */
  of(arm: string, points: readonly Values[]): Setting[] {
    const settings = new Map<string, Setting>();
    for (const point of points) {
      const whole = this.#at(arm, point);
      if (whole === null) continue;
      const values = Object.fromEntries(
        this.axes.flatMap((axis) =>
          takesUp(arm, whole, axis, point[axis.key]) ? [[axis.key, point[axis.key]]] : [],
        ),
      );
      const config = this.#at(arm, values);
      if (config === null) continue;
      const text = JSON.stringify(config);
      const before = settings.get(text);
      if (before === undefined || Object.keys(before.values).length > Object.keys(values).length) {
        settings.set(text, { values, config });
      }
    }
    return [...settings.values()];
  }

  #at(arm: string, values: Values): ArmConfig | null {
    const key = JSON.stringify([arm, values]);
    if (!this.#known.has(key)) this.#known.set(key, this.#resolved(arm, values));
    return this.#known.get(key)!;
  }

  #resolved(arm: string, values: Values): ArmConfig | null {
    let tree = this.swept.tree;
    let changes: Tree = this.swept.changes[arm] ?? {};
    for (const { key, path } of this.axes) {
      if (!Object.hasOwn(values, key)) continue;
      if (path[0] === "arms") {
        if (path[1] === arm) changes = withValueAt(changes, path.slice(2), values[key]);
        continue;
      }
      const override = { text: key, path, value: values[key] };
      const set = withOverride(tree, override);
      if ("problem" in set) {
        this.problems.push({ ...set.problem, place: this.#places.of(path) });
        return null;
      }
      tree = set.tree;
    }
    const parsed = experimentSchema.safeParse(tree);
    if (!parsed.success) {
      this.problems.push(...schemaProblems(parsed.error.issues, tree, this.#places));
      return null;
    }
    const { arms, problems } = resolveArms(parsed.data, { [arm]: changes }, this.#places);
    this.problems.push(...problems);
    return arms[arm] ?? null;
  }
}

function takesUp(arm: string, config: ArmConfig, axis: GridAxis, value: unknown): boolean {
  if (axesOf(arm, [axis]).length === 0) return false;
  const path = keyInArm(axis);
  return isInForce(config, path) && holdsValue(valueAtKey(config, path), value);
}

/** A value that the grid gives is at fault where the grid gives it. */
function gridPlaces(given: GivenValues, axes: readonly GridAxis[]): Places {
  const inGrid = (path: readonly PropertyKey[]): SourcePlace | null => {
    const texts = path.map(String);
    const own = texts[0] === "arms" ? texts.slice(2) : texts;
    const axis = axes.find((one) => startsWith(own, keyInArm(one)) || startsWith(texts, one.path));
    return axis === undefined ? null : given.of(["sweep", "grid", axis.key]);
  };
  return {
    of: (path) => inGrid(path) ?? given.of(path),
    ofKey: (path) => inGrid(path) ?? given.ofKey(path),
  };
}

function startsWith(path: KeyPath, beginning: KeyPath): boolean {
  return beginning.every((part, at) => path[at] === part);
}

/** What is evaluated as it is loaded, or after SFT, is the common start. */
function isSweepable({ stage }: ArmConfig): boolean {
  return stage === "rl" || stage === "decode";
}

function withoutGrid({ sections, given }: SweptExperiment): ConfigProblem[] {
  // One that is given and empty takes back that of the file, with all that belongs to it.
  if (given.origin(["sweep", "grid"]) !== "default") return [];
  return (["arms", "random", "draw", "halving", "keep"] as const).flatMap((key) => {
    const path = ["sweep", key];
    const value = sections.sweep[key];
    if (given.origin(path) === "default" || value === null) return [];
    return [
      {
        place: given.of(path),
        key: path.join("."),
        found: `${JSON.stringify(value)} without a grid`,
        expected: "sweep.grid, the keys that vary",
        remedy: "Add it, as in --grid risk.alpha=0.2,0.4, or remove this key.",
      },
    ];
  });
}

function unknownArms({ sections, arms, given }: SweptExperiment): ConfigProblem[] {
  const known = Object.keys(arms).filter((name) => isSweepable(arms[name]!));
  return (sections.sweep.arms ?? []).flatMap((arm, at) =>
    known.includes(arm)
      ? []
      : [
          {
            place: given.of(["sweep", "arms", String(at)]),
            key: "sweep.arms",
            found: `the arm ${arm}, which this experiment does not train with RL or decode`,
            expected: known.length === 0 ? "an arm trained with RL" : `one of ${known.join(", ")}`,
            remedy: "Name one of its arms, or leave sweep.arms out.",
          },
        ],
  );
}

/** Keys that no arm takes up: a run that ignored them would be believed. */
function idleAxes(
  axes: readonly GridAxis[],
  points: readonly SweepPoint[],
  experiment: SweptExperiment,
): ConfigProblem[] {
  const { given } = experiment;
  const swept = sweptArms(experiment);
  return axes.flatMap(({ key }) =>
    points.some(({ values }) => Object.hasOwn(values, key))
      ? []
      : [
          {
            place: given.of(["sweep", "grid", key]),
            key: `sweep.grid.${key}`,
            found: "a key that changes none of the swept arms",
            expected: `a key that is in force in one of ${swept.join(", ") || "the arms"} and that the arm does not set itself`,
            remedy: "Remove it from the grid, or sweep it in one arm, as in arms.<arm>.<key>.",
          },
        ],
  );
}

function tooMany(count: number, given: GivenValues): ConfigProblem {
  return {
    place: given.of(["sweep", "grid"]),
    key: "sweep.grid",
    found: `${count === Number.POSITIVE_INFINITY ? "endless" : count} points`,
    expected: `at most ${mostArms}`,
    remedy: "Name fewer values, or draw some of the points with --random N (sweep.random).",
  };
}

function tooFew(wanted: number, there: number, given: GivenValues): ConfigProblem {
  return {
    place: given.of(["sweep", "random"]),
    key: "sweep.random",
    found: `${wanted} points of a grid that has ${there}`,
    expected: `at most ${there}`,
    remedy: "Lower it, or leave it out to train every point.",
  };
}
