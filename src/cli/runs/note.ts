/** `averse note`: title, tags and note of a run, which are no part of its record. */
import { basename } from "node:path";
import { readNotes, writeNotes } from "../../store/run-notes.js";
import { safeText } from "../../text/safe-text.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { recordFolder, runWord } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface NoteOptions {
  /** Empty: taken away. */
  readonly title?: string;
  readonly tag: readonly string[];
  readonly untag: readonly string[];
  /** Empty: taken away. */
  readonly text?: string;
  readonly runs: string;
  readonly json: boolean;
}

/**
 * Without a change it shows what is there.
 *
 * @throws {UserError} there is no such run
 * @throws {RecordError} the notes cannot be read or written
 */
export function note(run: string, options: NoteOptions, terminal: Terminal): ExitCode {
  const folder = recordFolder(run, options.runs);
  const before = readNotes(folder);
  const tags = [...new Set([...before.tags, ...options.tag])].filter(
    (tag) => !options.untag.includes(tag),
  );
  const after = { title: options.title ?? before.title, tags, note: options.text ?? before.note };
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    writeNotes(folder, after);
  }
  const isEmpty = after.title === "" && after.tags.length === 0 && after.note === "";
  const lines = [
    `run    ${basename(folder)}`,
    ...(after.title === "" ? [] : [`title  ${after.title}`]),
    ...(after.tags.length === 0 ? [] : [`tags   ${after.tags.join(", ")}`]),
    ...(after.note === "" ? [] : [`note   ${after.note}`]),
    ...(isEmpty
      ? [
          "Nothing is noted yet. Add a title, tags or a note: " +
            `averse note ${runWord(folder)} --title TEXT --tag TAG --text TEXT`,
        ]
      : []),
  ];
  terminal.out(
    options.json ? JSON.stringify(after) : lines.map((line) => safeText(line)).join("\n"),
  );
  return exitCode.done;
}
