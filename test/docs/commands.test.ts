/** docs/commands.md has a row for every command of the program. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { processTerminal } from "../../src/cli/terminal.js";

const page = readFileSync(
  fileURLToPath(new URL("../../docs/commands.md", import.meta.url)),
  "utf8",
);
const rows = [...page.matchAll(/^\| (`averse.*?) \|/gm)].map(([, first]) => first!).join("\n");

test("every command has its row", () => {
  const program = buildProgram([], processTerminal(), () => {});
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((command: Command) => command.name());
  expect(names.length).toBeGreaterThan(20);
  const missing = names.filter(
    (name) => name !== "help" && !new RegExp(`\\b${name}\\b`).test(rows),
  );
  expect(missing).toEqual([]);
});
