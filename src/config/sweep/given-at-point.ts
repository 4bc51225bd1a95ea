/** Places and origins for what is said of one point of a sweep: its values are the grid's. */
import type { GivenValues, Origin } from "../given-values.js";
import type { ConfigProblem } from "../problems.js";
import type { SweepPoint } from "../schema/sweep.js";

export function givenAtPoint({ values }: SweepPoint, given: GivenValues): GivenValues {
  const meant = (path: readonly PropertyKey[]): readonly PropertyKey[] => {
    const whole = path.map(String).join(".");
    const own = path[0] === "arms" ? path.slice(2).map(String).join(".") : whole;
    const key = Object.keys(values).find((one) => one === whole || one === own);
    return key === undefined ? path : ["sweep", "grid", key];
  };
  return {
    of: (path) => given.of(meant(path)),
    ofKey: (path) => given.ofKey(meant(path)),
    origin: (path) => given.origin(meant(path).map(String)),
  };
}

/** A problem of one point, which its place alone does not tell. */
export function atPoint(problem: ConfigProblem, arm: string): ConfigProblem {
  return { ...problem, found: `${problem.found} (in the arm ${arm})` };
}

/** Who gave the values of the points' own keys: `arms.<arm>.<key>` → origin. */
export function pointOrigins(
  points: readonly SweepPoint[],
  given: GivenValues,
): Record<string, Origin> {
  const keys = [...new Set(points.flatMap(({ values }) => Object.keys(values)))];
  const grid = keys.map((key) => given.origin(["sweep", "grid", key]));
  const origins = Object.fromEntries(
    points.flatMap(({ arm, values }) =>
      Object.keys(values).map((key) => {
        const own = key.startsWith("arms.") ? key.split(".").slice(2).join(".") : key;
        return [`arms.${arm}.${own}`, given.origin(["sweep", "grid", key])] as const;
      }),
    ),
  );
  return grid.includes("override") ? { ...origins, "sweep.grid": "override" } : origins;
}
