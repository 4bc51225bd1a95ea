/**
 * What people write about a run: a title, tags, a note, in `notes.json` of its folder. It is no part of
 * the run's record: no digest covers it, nothing reads it but lists, and the folder keeps its name.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { noNotes, type RunNotes } from "../run-model/run-summary.js";
import { writeDurably } from "../system/durable-files.js";
import { RecordError } from "../system/record-error.js";
import { firstFault } from "../text/schema-faults.js";
import { readCheckedJson } from "./json-files.js";
import { runFiles } from "./paths.js";

const oneLine = /^[^\p{Cc}]*$/u;

export const notesSchema = z.strictObject({
  title: z.string().max(80).regex(oneLine, "a title of one line"),
  tags: z
    .array(
      z
        .string()
        .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u, "a tag: letters, digits, '.', '_' and '-'"),
    )
    .max(20),
  note: z.string().max(4000),
});

/** @throws {RecordError} there is a file, and it is damaged */
export function readNotes(run: string): RunNotes {
  const path = join(run, runFiles.notes);
  return existsSync(path) ? readCheckedJson(path, notesSchema, "notes of a run") : noNotes;
}

/**
 * Takes the place of what was there; where nothing is left, the file goes.
 *
 * @throws {RecordError} it cannot be written, or is more than a title, tags and a note may be
 */
export function writeNotes(run: string, notes: RunNotes): void {
  const result = notesSchema.safeParse(notes);
  if (!result.success) {
    throw new RecordError("name", `not kept: ${firstFault(result.error, notes)}`);
  }
  const path = join(run, runFiles.notes);
  const { title, tags, note } = result.data;
  if (title === "" && tags.length === 0 && note === "") {
    rmSync(path, { force: true });
  } else {
    writeDurably(path, `${JSON.stringify(result.data, null, 2)}\n`);
  }
}
