import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Evaluation, evaluationFileSchema } from "../analysis/evaluation.js";
import { writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { sha256Of } from "../system/sha256.js";
import { readCheckedJson } from "./json-files.js";
import { runFiles } from "./paths.js";

/**
 * @throws {RecordError} when it cannot be written
 * @throws {z.ZodError} when a figure is NaN or infinite: JSON would silently turn it into null
 */
export function writeEvaluation(run: string, evaluation: Evaluation): void {
  const checked = evaluationFileSchema.parse(evaluation);
  writeDurably(join(run, runFiles.evaluation), `${JSON.stringify(checked, null, 2)}\n`);
}

/** @throws {RecordError} when it is missing (the run is not done) or damaged */
export function readEvaluation(run: string): Evaluation {
  return readCheckedJson(join(run, runFiles.evaluation), evaluationFileSchema, "an evaluation");
}

/** @returns null: there is none, for the run is not over. @throws {RecordError} it is damaged */
export function readEvaluationIfAny(run: string): Evaluation | null {
  try {
    return readEvaluation(run);
  } catch (error) {
    if (error instanceof RecordError && error.reason === "missing") return null;
    throw error;
  }
}

/** sha256 of the file; null: there is none. @throws {RecordError} */
export function evaluationDigest(run: string): string | null {
  const path = join(run, runFiles.evaluation);
  try {
    return existsSync(path) ? sha256Of(readFileSync(path)) : null;
  } catch (error) {
    throw recordError(`cannot read ${path}`, error);
  }
}
