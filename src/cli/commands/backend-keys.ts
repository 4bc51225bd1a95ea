/** `averse backends keys FILE`: what a worker that is started by hand and its controllers share. */
import { resolve } from "node:path";
import { shellQuoted } from "../../text/shell-quote.js";
import { writeAttachFile } from "../../worker/attach-file.js";
import { isEveryAddress, isHost } from "../../worker/transport/tcp-address.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import type { Terminal } from "../terminal.js";

export interface BackendKeysOptions {
  readonly host: string;
  readonly port: string;
  readonly workers: string;
}

/**
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
