/** What to do about a place that cannot be written. */
import { RecordError } from "../system/record-error.js";
import { exitCode, UserError } from "./failure-text.js";

/**
 * @param advice a sentence: what to do where the file system refuses
 * @param write only writes: what cannot be read needs other advice
 * @throws {UserError} no permission or no space, with the advice
 */
export async function writing<T>(advice: string, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof RecordError) || !["permission", "space"].includes(error.reason)) {
      throw error;
    }
    throw new UserError(`${error.message}. ${advice}`, exitCode.environment, { cause: error });
  }
}
