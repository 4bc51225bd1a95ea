/** Commands that come while a run is just starting or ending. */
import { expect, test } from "vitest";
import { CommandDesk } from "../../../src/cli/run/command-queue.js";
import type { RunCommand } from "../../../src/engine/commands.js";

function engineAt(desk: CommandDesk): { taken: RunCommand[]; leave: () => void } {
  const taken: RunCommand[] = [];
  const leave = desk.source((command) => {
    taken.push(command);
    return null;
  });
  return { taken, leave };
}

test("a stop that is asked for before the engine listens is carried out when it does", async () => {
  const desk = new CommandDesk();
  expect(desk.ask("stop")).toBeNull();
  const { taken } = engineAt(desk);
  await Promise.resolve();
  expect(taken).toEqual(["stop"]);
});

test("asked for twice, it breaks off", async () => {
  const desk = new CommandDesk();
  desk.ask("stop");
  desk.ask("halt");
  const { taken } = engineAt(desk);
  await Promise.resolve();
  expect(taken).toEqual(["halt"]);
});

test("what cannot wait, or comes after the end, is refused", async () => {
  const desk = new CommandDesk();
  expect(desk.ask("pause")).toContain("just starting");
  const { taken, leave } = engineAt(desk);
  await Promise.resolve();
  leave();
  expect(desk.ask("stop")).toContain("ending");
  expect(taken).toEqual([]);
});
