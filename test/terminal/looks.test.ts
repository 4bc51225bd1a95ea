/** Terminals with less than others: no colours, few colours, no UTF-8, no screen at all. */
import { expect, test } from "vitest";
import { buildProgramFirst, scratch } from "../cli/averse.js";
import {
  averseWindow,
  detachedRun,
  expectTidy,
  leaveNothingBehind,
  openTrial,
  workplace,
} from "./program.js";
import { keys, type TerminalWindow } from "./terminal-window.js";

buildProgramFirst();
leaveNothingBehind();

/** Launcher and dashboard, one after the other, each looked at. */
async function eachScreen(
  name: string,
  env: Readonly<Record<string, string>>,
  look: (window: TerminalWindow) => void,
): Promise<void> {
  const cwd = workplace(scratch, name, 100_000);
  await detachedRun(cwd);
  const launcher = averseWindow([], { cwd, env });
  await launcher.shows("EXPERIMENTS");
  await launcher.shows(/running/);
  look(launcher);
  launcher.press("/watched");
  await launcher.hides("quickstart");
  launcher.press(keys.enter);
  await launcher.shows("new run");
  // The cursor is on the run.
  launcher.press(keys.tab);
  launcher.press("n");
  await launcher.shows("New run of tail");
  look(launcher);
  launcher.press(keys.ctrlC);
  expectTidy(launcher, await launcher.ended);
  const view = averseWindow(["attach", "latest"], { cwd, env });
  await openTrial(view);
  await view.shows(/worst 1 to/);
  look(view);
  view.press("?");
  await view.shows("this help");
  look(view);
  view.press("?q");
  expectTidy(view, await view.ended);
}

test("NO_COLOR: none", async () => {
  await eachScreen("no-color", { NO_COLOR: "1" }, ({ emulator }) => {
    expect(emulator.colors.any).toBe(false);
  });
});

test("16 colours: no others", async () => {
  let any = false;
  await eachScreen("sixteen", { TERM: "xterm-16color" }, ({ emulator }) => {
    any ||= emulator.colors.any;
    expect(emulator.colors.beyond16).toBe(false);
  });
  expect(any).toBe(true);
});

test("no UTF-8: nothing but ASCII", async () => {
  await eachScreen("ascii", { LANG: "C" }, ({ text }) => {
    expect(text.match(/[^\n -~]/gu)).toBeNull();
  });
});

test("TERM=dumb: lines, and no screen", async () => {
  const cwd = workplace(scratch, "dumb", 20);
  const words = averseWindow([], { cwd, env: { TERM: "dumb" } });
  expect(await words.ended).toMatchObject({ code: 0 });
  expect(words.text).toContain("averse run quickstart");
  const run = averseWindow(["run", "tail"], { cwd, env: { TERM: "dumb" }, rows: 200 });
  const end = await run.ended;
  expect(end).toMatchObject({ code: 0 });
  expectTidy(run, end);
  expect(run.emulator.frames).toBe(0);
  expect(run.emulator.sequences).toBe(0);
  expect(run.text).toContain("iteration 20/20");
});
