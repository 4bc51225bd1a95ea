/** Each arm's full configuration: the experiment's sections, the preset's, then its own changes. */
import { z } from "zod";
import { armPresets } from "./arm-presets.js";
import type { ConfigProblem } from "./config-error.js";
import { merged, type Tree, valueAt } from "./key-path.js";
import { type ArmConfig, armSections } from "./schema.js";
import { type Places, schemaProblems } from "./schema-problems.js";

const armSchema = z.strictObject(armSections);

export interface ResolvedArms {
  readonly arms: Readonly<Record<string, ArmConfig>>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * @param sections the experiment's sections as checked, with defaults
 * @param changes arm → the keys that it changes
 */
export function resolveArms(
  sections: Tree,
  changes: Readonly<Record<string, Tree>>,
  places: Places,
): ResolvedArms {
  const shared = Object.fromEntries(Object.keys(armSections).map((name) => [name, sections[name]]));
  const arms: Record<string, ArmConfig> = {};
  const problems: ConfigProblem[] = [];
  for (const [arm, own] of Object.entries(changes)) {
    const preset = Object.hasOwn(armPresets, arm) ? armPresets[arm] : undefined;
    const tree = merged(merged(shared, preset?.changes ?? {}), onlyTrees(own));
    const result = armSchema.safeParse(tree);
    if (result.success) arms[arm] = { stage: preset?.stage ?? "rl", ...result.data };
    else problems.push(...schemaProblems(result.error.issues, tree, places, ["arms", arm]));
  }
  return { arms, problems };
}

/** Sections that are no maps were refused already and would only be refused a second time. */
function onlyTrees(own: Tree): Tree {
  return Object.fromEntries(
    Object.entries(own).filter(
      ([name, value]) =>
        Object.hasOwn(armSections, name) &&
        valueAt(own, [name]) !== null &&
        typeof value === "object" &&
        !Array.isArray(value),
    ),
  );
}
