/** `averse rm`: runs that are no longer wanted, removed for good. */
import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { folderBytes, removeRun } from "../../store/remove-run.js";
import { holderOf } from "../../store/run-lock.js";
import { formatBytes } from "../../text/numbers.js";
import { askOnTerminal, type Question } from "../ask-on-terminal.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { recordFolder, runWord } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface RemoveOptions {
  /** Without asking. */
  readonly yes: boolean;
  readonly runs: string;
  readonly json: boolean;
}

/**
 * All names are looked up, and no run may be live, before any run is removed.
 *
 * @throws {UserError} a name is no run; a run is live; nobody can be asked
 * @throws {RecordError} a folder cannot be removed; those named before it are gone
 */
export async function rm(
  names: readonly string[],
  options: RemoveOptions,
  terminal: Terminal,
  ask: Question = askOnTerminal,
): Promise<ExitCode> {
  const folders = distinct(names.map((name) => recordFolder(name, options.runs)));
  for (const folder of folders) refuseLive(folder);
  const sizes = folders.map(folderBytes);
  if (!options.yes) {
    const list = folders.map((folder, at) => `  ${folder} (${formatBytes(sizes[at]!)})`);
    const what = folders.length === 1 ? "this run" : `these ${folders.length} runs`;
    const agreed = await ask(`${list.join("\n")}\nRemove ${what} for good? [y/N] `);
    if (agreed === null) {
      throw new UserError(
        `nothing was removed: there is no terminal to ask on. Add --yes to remove ${folders.join(", ")}.`,
      );
    }
    if (!agreed) {
      terminal.err("Nothing was removed.");
      return exitCode.done;
    }
  }
  for (const folder of folders) removeRun(folder, () => new Date());
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const ids = folders.map((folder) => basename(folder));
  terminal.out(
    options.json
      ? JSON.stringify({ removed: folders, bytes })
      : `Removed ${ids.join(", ")} (${formatBytes(bytes)}).`,
  );
  return exitCode.done;
}

/** A run that was named twice is removed once. */
function distinct(folders: readonly string[]): string[] {
  const byPlace = new Map(folders.map((folder) => [realpathSync(folder), folder]));
  return [...byPlace.values()];
}

function refuseLive(folder: string): void {
  const holder = holderOf(folder);
  if (holder === null) return;
  const { pid, host } = holder;
  throw new UserError(
    `nothing was removed: ${folder} is running (process ${pid} on ${host}). ` +
      `\`averse stop ${runWord(folder)}\` stops it.`,
  );
}
