/** Reading back a JSON file of a run folder. */

import { readFileSync } from "node:fs";
import type { z } from "zod";
import { RecordError, recordError } from "../system/record-error.js";

/**
 * @param what the file should be, with its article left out: "manifest"
 * @throws {RecordError} when it is missing, not JSON or not of the schema; names the key
 */
export function readCheckedJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  what: string,
): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RecordError("damaged", `${path} is not JSON: ${error.message}`, { cause: error });
    }
    throw recordError(`cannot read ${path}`, error);
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue!.path.join(".") || "the whole";
    throw new RecordError("damaged", `${path} is no ${what}: ${where}: ${issue!.message}`);
  }
  return result.data;
}

/** The same text for the same value, whatever order its keys were written in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
