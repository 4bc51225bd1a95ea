/**
 * Overrides of a section that no trained arm takes up, because every arm sets that key itself. A
 * run that silently ignores what was typed would be believed.
 */
import { isDeepStrictEqual } from "node:util";
import type { ConfigProblem } from "./config-error.js";
import { valueAt } from "./key-path.js";
import type { Override } from "./overrides.js";
import { type ArmConfig, armSections } from "./schema.js";

export function idleOverrides(
  overrides: readonly Override[],
  arms: Readonly<Record<string, ArmConfig>>,
): ConfigProblem[] {
  const trained = Object.entries(arms).filter(([, arm]) => arm.stage === "rl");
  if (trained.length === 0) return [];
  const inForce = [...new Map(overrides.map((one) => [one.path.join("."), one])).values()];
  return inForce.flatMap(({ path, value, text }) => {
    if (!Object.hasOwn(armSections, path[0]!)) return [];
    if (trained.some(([, arm]) => isDeepStrictEqual(valueAt(arm, path), value))) return [];
    const key = path.join(".");
    const names = trained.map(([name]) => name);
    return [
      {
        place: { override: text },
        key,
        found: "an override that no arm takes up",
        expected: `an arm that does not set ${key} itself`,
        remedy: `Set it for one arm: --set arms.${names[0]!}.${key}=….`,
      },
    ];
  });
}
