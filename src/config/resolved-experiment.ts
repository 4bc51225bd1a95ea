/** A resolved configuration that comes back from disk: nothing is filled in, nothing let through. */
import { z } from "zod";
import { armNamePattern, armSections, type Experiment, experimentSchema } from "./schema.js";

const arm = z.strictObject({ stage: z.enum(["base", "sft", "rl"]), ...armSections });

const resolved = experimentSchema.extend({
  arms: z.record(z.string().regex(armNamePattern), arm),
});

/**
 * @returns the experiment; or, in words, the first thing that this program does not know or misses
 */
export function resolvedExperiment(value: unknown): Experiment | string {
  const result = resolved.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    return `${issue!.path.join(".") || "the whole"}: ${issue!.message}`;
  }
  const missing = missingKey(result.data, value, []);
  return missing === null ? result.data : `${missing}: it is missing`;
}

/** First key that the schema had to fill in. */
function missingKey(full: unknown, given: unknown, path: readonly string[]): string | null {
  if (typeof full !== "object" || full === null || Array.isArray(full)) {
    return null;
  }
  for (const [key, inner] of Object.entries(full)) {
    const here = [...path, key];
    if (!Object.hasOwn(given as object, key)) {
      return here.join(".");
    }
    const found = missingKey(inner, (given as Record<string, unknown>)[key], here);
    if (found !== null) {
      return found;
    }
  }
  return null;
}
