/**
 * What people write about a run: a title, tags, a note, in `notes.json` of its folder. It is no part of
 * the run's record: no digest covers it, nothing reads it but lists, and the folder keeps its name.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { noNotes, type RunNotes } from "../run-model/run-summary.js";
import { writeDurably } from "../system/durable-files.js";
import { RecordError, recordError } from "../system/record-error.js";
import { runFiles } from "./paths.js";

const mostTitle = 80;
const mostTags = 20;
const mostNote = 4000;
const oneLine = /^[^\p{Cc}]*$/u;
const tag = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u;

/** @throws {RecordError} there is a file, and it is damaged */
export function readNotes(run: string): RunNotes {
  const path = join(run, runFiles.notes);
  if (!existsSync(path)) return noNotes;
  let notes: unknown;
  try {
    notes = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw recordError(`cannot read ${path}`, error);
    throw new RecordError("damaged", `${path} is not JSON: ${error.message}`, { cause: error });
  }
  const found = fault(notes);
  if (found !== null) throw new RecordError("damaged", `${path} is not notes of a run: ${found}`);
  return notes as RunNotes;
}

/**
 * Takes the place of what was there; where nothing is left, the file goes.
 *
 * @throws {RecordError} it cannot be written, or is more than a title, tags and a note may be
 */
export function writeNotes(run: string, notes: RunNotes): void {
  const found = fault(notes);
  if (found !== null) throw new RecordError("name", `not kept: ${found}`);
  const path = join(run, runFiles.notes);
  const { title, tags, note } = notes;
  if (title === "" && tags.length === 0 && note === "") {
    rmSync(path, { force: true });
  } else {
    writeDurably(path, `${JSON.stringify({ title, tags, note }, null, 2)}\n`);
  }
}

/** The first that is wrong; null: nothing. Without a schema library: `averse ls` starts before it is loaded. */
function fault(notes: unknown): string | null {
  if (typeof notes !== "object" || notes === null) return "expected an object";
  const { title, tags, note, ...others } = notes as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `${unknown}: expected title, tags and note alone`;
  if (typeof title !== "string" || title.length > mostTitle || !oneLine.test(title)) {
    return `title: expected one line of at most ${mostTitle} characters`;
  }
  if (!Array.isArray(tags) || tags.length > mostTags) {
    return `tags: expected a list of at most ${mostTags}`;
  }
  const wrong = tags.find((one) => typeof one !== "string" || !tag.test(one));
  if (wrong !== undefined) {
    return `tags: found ${JSON.stringify(wrong)}, expected at most 32 letters, digits, ".", "_" and "-", the first a letter or digit`;
  }
  return typeof note === "string" && note.length <= mostNote
    ? null
    : `note: expected text of at most ${mostNote} characters`;
}
