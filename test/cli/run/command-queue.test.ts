/** Commands that come while a run is just starting or ending. */
import { expect, test } from "vitest";
import { CommandQueue } from "../../../src/cli/run/command-queue.js";
import type { RunCommand } from "../../../src/engine/commands.js";

function engineAt(commands: CommandQueue): { taken: RunCommand[]; leave: () => void } {
  const taken: RunCommand[] = [];
  const leave = commands.source((command) => {
    taken.push(command);
    return null;
  });
  return { taken, leave };
}

test("a stop that is asked for before the engine listens is carried out when it does", async () => {
  const commands = new CommandQueue();
  expect(commands.ask("stop")).toBeNull();
  const { taken } = engineAt(commands);
  await Promise.resolve();
  expect(taken).toEqual(["stop"]);
});

test("asked for twice, it aborts", async () => {
  const commands = new CommandQueue();
  commands.ask("stop");
  commands.ask("abort");
  const { taken } = engineAt(commands);
  await Promise.resolve();
  expect(taken).toEqual(["abort"]);
});

test("what cannot wait, or comes after the end, is refused", async () => {
  const commands = new CommandQueue();
  expect(commands.ask("pause")).toContain("just starting");
  const { taken, leave } = engineAt(commands);
  await Promise.resolve();
  leave();
  expect(commands.ask("stop")).toContain("ending");
  expect(taken).toEqual([]);
});
