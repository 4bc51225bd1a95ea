/** `averse backends`: what a run can be started on, and whether this machine has what it needs. */
import { resolve } from "node:path";
import { ConfigError, problemLine } from "../../config/problems.js";
import { gridLines, terminalStyle } from "../../text/grid.js";
import { safeText } from "../../text/safe-text.js";
import { shellQuoted } from "../../text/shell-quote.js";
import { wrapText } from "../../text/width.js";
import { writeAttachFile } from "../../worker/attach-file.js";
import { namedEngine, readWorkerSpec } from "../../worker/spec.js";
import { isEveryAddress, isHost } from "../../worker/transport/tcp-address.js";
import { type WorkerFile, workerFiles } from "../../worker/worker-files.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { backendNeeds } from "../machine/backend-needs.js";
import type { Finding } from "../machine/doctor-checks.js";
import { packageRoot } from "../machine/package.js";
import type { Terminal } from "../terminal.js";

interface Backend extends WorkerFile {
  readonly purpose: string;
  /** Null: the command names none, or the file is wrong. */
  readonly engine: string | null;
  readonly launcher: string | null;
  /** False: something that it needs is not here, or its file is wrong. */
  readonly ready: boolean;
  readonly needs: readonly Finding[];
  /** Why the file cannot be read. */
  readonly problems: readonly string[];
}

export function backends({ json }: { readonly json: boolean }, terminal: Terminal): ExitCode {
  const found = workerFiles(packageRoot, process.cwd()).map(backendOf);
  terminal.out(json ? JSON.stringify(found) : text(found, terminal));
  return exitCode.done;
}

function backendOf({ name, file }: WorkerFile): Backend {
  try {
    const spec = readWorkerSpec(file, packageRoot);
    const needs = backendNeeds(spec);
    return {
      name,
      file,
      purpose: spec.purpose,
      engine: namedEngine(spec),
      launcher: spec.launcher,
      ready: needs.every(({ ok }) => ok !== false),
      needs,
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(problemLine);
    return {
      ...{ name, file, purpose: "", engine: null, launcher: null, ready: false, needs: [] },
      problems,
    };
  }
}

function text(found: readonly Backend[], terminal: Terminal): string {
  const head = ["backend", "launcher", "engine", "here", "purpose"];
  const rows = found.map(({ name, launcher, engine, ready, purpose, problems }) => [
    name,
    launcher ?? "-",
    engine ?? "-",
    ready ? "yes" : "no",
    safeText(problems.length > 0 ? "its file is wrong" : purpose),
  ]);
  const [title = "", ...lines] = gridLines(
    [head, ...rows],
    head.map(() => "left" as const),
  );
  const { bold } = terminalStyle(terminal.color);
  return [
    bold(title),
    ...lines.flatMap((line, at) => [line, ...missing(found[at]!, terminal)]),
  ].join("\n");
}

/** What is not here and what to do, beneath its backend. */
function missing({ needs, problems }: Backend, { columns }: Terminal): string[] {
  const lacks = needs
    .filter(({ ok }) => ok === false)
    .map(({ what, found, remedy }) => `${what}: ${found}. ${remedy}`);
  return [...problems, ...lacks].flatMap((one) =>
    wrapText(safeText(one), Math.max(20, columns - 4)).map((line) => `    ${line}`),
  );
}

export interface BackendKeysOptions {
  readonly host: string;
  readonly port: string;
  readonly workers: string;
}

/**
 * `averse backends keys FILE`: what a worker that is started by hand and its controllers share.
 *
 * @throws {UserError} an option is wrong
 * @throws {EnvironmentError} the file is there already, or cannot be written
 */
export function backendKeys(
  file: string,
  options: BackendKeysOptions,
  terminal: Terminal,
): ExitCode {
  const { host } = options;
  if (!isHost(host) || isEveryAddress(host)) {
    throw new UserError(`--host: found ${host}, expected an address or name of this machine.`);
  }
  const workers = whole("--workers", options.workers, 64);
  const port = whole("--port", options.port, 65_536 - workers);
  const path = resolve(file);
  writeAttachFile(path, { host, port, workers });
  const words = shellQuoted(path);
  terminal.out(
    [
      `${path}: ${workers === 1 ? "one worker" : `${workers} workers`} at ${host}, from port ${port}.`,
      `Backend: launcher: attach, attach: { file: ${JSON.stringify(path)} }; configs/workers/attach.yaml is an example.`,
      `Worker, where the package lies: PYTHONPATH=python .venv/bin/python -m averse_worker --attach ${words} --engine torch`,
    ].join("\n"),
  );
  return exitCode.done;
}

function whole(option: string, text: string, most: number): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) {
    throw new UserError(`${option}: found ${text}, expected a whole number from 1 to ${most}.`);
  }
  return number;
}
