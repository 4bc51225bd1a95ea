#!/usr/bin/env node
/** The only file that reads argv and sets the exit code. */
import { isatty } from "node:tty";
import { exitCode, failureText } from "./cli/failure-text.js";
import { processTerminal } from "./cli/terminal.js";

const argv = process.argv.slice(2);
const terminal = processTerminal();
const terminals = [0, 1, 2].filter((handle) => isatty(handle));

// A run listens for itself once there is something to end in order; before and after that, an end
// that is asked for has the same exit code.
const endAtOnce = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) === 1) process.exit(exitCode.interrupted);
};
if (["run", "resume", "reproduce"].includes(argv[0] ?? "")) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, endAtOnce);
}

// `averse ls | head`, or a window that was closed: the reader has gone, and that is no error. `run`
// takes it as a request to stop.
const goneReader: readonly (string | undefined)[] = ["EPIPE", "EIO"];
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!goneReader.includes(error.code)) throw error;
    const listens = process.listeners("SIGTERM").some((one) => one !== endAtOnce);
    if (listens) process.emit("SIGTERM");
    else if (!endWithTerminal()) process.exit();
  });
}

// What no command foresaw ends in a sentence and a known exit code, too.
process.on("uncaughtException", (error) => {
  const failure = failureText(error, argv.includes("--debug"));
  // Behind whoever gives the terminal back at the end: on another screen nobody would see it.
  process.once("exit", () => terminal.err(failure.text));
  process.exit(failure.exit);
});

// Until the command has answered: a process that ends before its command did not do what was asked.
process.exitCode = exitCode.environment;
// Loaded by now, and not above: an end may be asked for meanwhile.
const { runCommandLine } = await import("./cli/program.js");
process.exitCode = await runCommandLine(argv, terminal);

endWithTerminal();

/**
 * A terminal that is gone cannot be put back as it was, and Node, which tries to at its end, aborts.
 * All is done: the process ends by the signal of a terminal's end, as others do.
 *
 * @returns false: no terminal is gone
 */
function endWithTerminal(): boolean {
  if (terminals.every((handle) => isatty(handle))) return false;
  process.removeAllListeners("SIGHUP");
  return process.kill(process.pid, "SIGHUP");
}
