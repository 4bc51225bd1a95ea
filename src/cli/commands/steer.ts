/** `averse pause`, `continue`, `checkpoint`, `evaluate`, `stop`: a run of another process, steered. */
import { basename, resolve } from "node:path";
import type { RunCommand } from "../../engine/commands.js";
import { connectToRun } from "../../live/client.js";
import { readManifest } from "../../store/manifest/manifest.js";
import { holderOf } from "../../store/run-lock.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { runFolder, runWord } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface SteerOptions {
  readonly runs: string;
  readonly json: boolean;
}

/** @throws {UserError} no such run, no controller is running, or the command does not apply now */
export async function steer(
  name: string,
  command: RunCommand,
  options: SteerOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(name, options.runs);
  const refused = await ask(folder, command);
  const id = basename(folder);
  const word = runWord(folder);
  if (options.json) {
    terminal.out(JSON.stringify({ type: "command", run: resolve(folder), command, refused }));
  } else if (refused === null) {
    terminal.out(`${id} ${done[command](word)}`);
  }
  if (refused === null) return exitCode.done;
  throw new UserError(`${id}: ${refused}.`);
}

const done: Readonly<Record<RunCommand, (run: string) => string>> = {
  pause: (run) => `pauses after the current iterations; \`averse continue ${run}\` continues it.`,
  continue: () => "continues.",
  checkpoint: () => "saves a checkpoint of each running trial, after its current iteration.",
  evaluate: () => "evaluates each policy in training, after its current iteration.",
  stop: (run) => `stops after the current iterations; \`averse resume ${run}\` continues it.`,
  abort: (run) => `aborts; \`averse resume ${run}\` continues from the last checkpoints.`,
};

/** @returns null: it is carried out; or why not */
async function ask(folder: string, command: RunCommand): Promise<string | null> {
  const link = await connectToRun(folder, {
    onJournal: () => {},
    onProgress: () => {},
    onClosed: () => {},
  });
  if (link === null) return unreachable(folder);
  try {
    return await link.ask(command);
  } catch (error) {
    return (error as Error).message;
  } finally {
    link.close();
  }
}

function unreachable(folder: string): string {
  const holder = holderOf(folder);
  if (holder === null) {
    const { outcome } = readManifest(folder);
    if (outcome === "failed") return "it has failed; `averse show` says why";
    return outcome === "done"
      ? "it is done"
      : `no controller is running (${outcome ?? "the last one died"}); use \`averse resume\``;
  }
  const { pid, host } = holder;
  return (
    `its controller, process ${pid} on ${host}, does not respond: it is starting or ending, it ` +
    `hangs, or it is on another machine; \`kill ${pid}\` there stops it after the current iteration`
  );
}
