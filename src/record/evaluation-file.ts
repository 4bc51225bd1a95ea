import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Evaluation, evaluationSchema } from "../experiment/evaluation.js";
import { writeDurably } from "./durable-files.js";
import { RecordError, recordError } from "./record-error.js";
import { runFiles } from "./run-paths.js";

/**
 * @throws {RecordError} when it cannot be written
 * @throws {z.ZodError} when a figure is NaN or infinite: JSON would silently turn it into null
 */
export function writeEvaluation(run: string, evaluation: Evaluation): void {
  const checked = evaluationSchema.parse(evaluation);
  writeDurably(join(run, runFiles.evaluation), `${JSON.stringify(checked, null, 2)}\n`);
}

/** @throws {RecordError} when it is missing (the run is not done) or damaged */
export function readEvaluation(run: string): Evaluation {
  const path = join(run, runFiles.evaluation);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RecordError("damaged", `${path} is not JSON: ${error.message}`, { cause: error });
    }
    throw recordError(`cannot read ${path}`, error);
  }
  const result = evaluationSchema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new RecordError(
      "damaged",
      `${path} is no evaluation: ${issue!.path.join(".")}: ${issue!.message}`,
    );
  }
  return result.data;
}
