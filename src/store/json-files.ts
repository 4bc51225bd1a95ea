/** Reading back a JSON file of a run folder. */

import { readFileSync } from "node:fs";
import type { z } from "zod";
import { RecordError, recordError } from "../system/record-error.js";
import { firstFault } from "../text/schema-faults.js";

/**
 * @param what the file should be, with its article: "a manifest"
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
    const fault = firstFault(result.error, json);
    throw new RecordError("damaged", `${path} is not ${what}: ${fault}`);
  }
  return result.data;
}
