/** A resolved configuration that comes back from disk, as a run's manifest keeps it. */
import { z } from "zod";
import { firstFault, schemaFaults } from "../text/schema-faults.js";
import { renamedTo } from "./names/renamed-keys.js";
import { resolvedEvaluationSchema } from "./schema/evaluation.js";
import { armSections, type Experiment, experimentSchema } from "./schema/experiment.js";
import { resolvedArmPattern } from "./schema/fields.js";
import { policySourceSchema } from "./schema/policy.js";
import { resolvedSweepSchema } from "./schema/sweep.js";

const arm = z.strictObject({
  stage: z.enum(["base", "sft", "rl", "decode"]),
  policy: policySourceSchema.optional(),
  ...armSections,
});

const resolved = experimentSchema.extend({
  arms: z.record(z.string().regex(resolvedArmPattern), arm),
  evaluation: resolvedEvaluationSchema,
  sweep: resolvedSweepSchema,
});

/**
 * Nothing is filled in, nothing let through.
 *
 * @returns the experiment; or, in words, the first thing that this program does not know or misses
 */
export function resolvedExperiment(value: unknown): Experiment | string {
  const result = resolved.safeParse(value);
  if (!result.success) {
    const renamed = schemaFaults(result.error.issues, value).flatMap(({ kind, path }) => {
      const names = path.map(String);
      const key = names.slice(names[0] === "arms" ? 2 : 0).join(".");
      const name = kind === "unknown" ? renamedTo(key) : null;
      return name === null ? [] : [`key \`${names.join(".")}\` is called \`${name}\` now`];
    });
    return renamed[0] ?? firstFault(result.error, value);
  }
  const missing = missingKey(result.data, value, []);
  return missing === null ? result.data : `key \`${missing}\` is missing`;
}

/** Keys that change no figure: a record from before they were there can be taken up. */
const harmless: readonly string[] = ["trackers", "record.completions", "record.completions_every"];

/** First key that the schema had to fill in. */
function missingKey(full: unknown, given: unknown, path: readonly string[]): string | null {
  if (typeof full !== "object" || full === null) {
    return null;
  }
  for (const [key, inner] of Object.entries(full)) {
    const here = [...path, key];
    if (!Object.hasOwn(given as object, key)) {
      if (harmless.includes(here.join("."))) continue;
      return here.join(".");
    }
    const found = missingKey(inner, (given as Record<string, unknown>)[key], here);
    if (found !== null) {
      return found;
    }
  }
  return null;
}
