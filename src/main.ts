#!/usr/bin/env node
/** The only file that reads argv and sets the exit code. */
import { exitCode } from "./cli/exit-code.js";
import { failureText } from "./cli/failure-text.js";
import { runCommandLine } from "./cli/program.js";
import { processTerminal } from "./cli/terminal.js";

const argv = process.argv.slice(2);
const terminal = processTerminal();

// `averse ls | head`: the reader has enough, and that is no error. `run` takes it as a request to stop.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (process.listenerCount("SIGTERM") > 0) process.emit("SIGTERM");
    else process.exit();
  });
}

// What no command foresaw ends in a sentence and a known exit code, too.
process.on("uncaughtException", (error) => {
  const failure = failureText(error, argv.includes("--debug"));
  terminal.err(failure.text);
  process.exit(failure.exit);
});

// Until the command has answered: a process that ends before its command did not do what was asked.
process.exitCode = exitCode.environment;
process.exitCode = await runCommandLine(argv, terminal);
