/** Where exported files go. */
import { makeFolder } from "../../system/durable-files.js";
import { writing } from "../writable-place.js";

/** What to do where it cannot be written. */
export const exportAdvice = "Choose a writable folder with --to.";

/** @throws {UserError} it cannot be made */
export function makeExportFolder(folder: string): Promise<void> {
  return writing(exportAdvice, () => makeFolder(folder));
}
