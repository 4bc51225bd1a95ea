/** What no key of the program is changes nothing, and no paste acts, on any screen. */
import { describe, expect, test } from "vitest";
import { buildProgramFirst, scratch } from "../cli/averse.js";
import {
  averseWindow,
  detachedRun,
  expectTidy,
  leaveNothingBehind,
  openTrial,
  runsIn,
  workplace,
} from "./program.js";
import { keys, type TerminalWindow } from "./terminal-window.js";

buildProgramFirst();
leaveNothingBehind();

/** Keys that Averse has no use for, as terminals send them, and answers that nobody asked for. */
const unknown = [
  // Ctrl-F1, F1, F5, Shift-F12, Insert, Ctrl-Up beyond the numbers, the Linux console's F1.
  "\u001b[1;5P",
  "\u001bOP",
  "\u001b[15~",
  "\u001b[24;2~",
  "\u001b[2~",
  "\u001b[9;9X",
  "\u001b[[A",
  // Alt-x and Alt-y; kitty's x with Ctrl and Shift; modifyOtherKeys' Ctrl-y.
  "\u001bx",
  "\u001by",
  "\u001b[120;6u",
  "\u001b[27;5;121~",
  // Focus, a mouse's click, the cursor's place, device attributes, a colour, a title.
  "\u001b[I",
  "\u001b[<0;10;5M",
  "\u001b[12;40R",
  "\u001b[?64;1;2c",
  "\u001b]11;rgb:0000/0000/0000\u001b\\",
  "\u001bP>|xterm(370)\u001b\\",
].join("");
const paste = "\u001b[200~bad words\rexit please\r\u001b[201~";

/** All that was pressed before is done once the help has come and gone: nothing else has changed. */
async function helpAnswers(window: TerminalWindow): Promise<void> {
  window.press("?");
  await window.shows("this help");
  window.press("?");
  await window.hides("this help");
}

async function expectUnmoved(window: TerminalWindow, focus: RegExp): Promise<void> {
  await window.shows(focus);
  window.press(unknown);
  window.press(paste);
  await helpAnswers(window);
  expect(window.text).toMatch(focus);
  expect(window.text).not.toContain("y/n");
}

async function expectFilterIsText(window: TerminalWindow): Promise<void> {
  window.press("3/");
  await window.shows("Filter tail:");
  window.press(paste);
  await window.shows("Filter tail: bad words exit please");
  window.press(keys.escape);
  await window.hides("Filter tail:");
}

async function expectEnterConfirmsNothing(window: TerminalWindow): Promise<void> {
  window.press("x");
  await window.shows("Stop the run after the current iterations?");
  window.press(`${keys.enter}\n${paste}${unknown}`);
  window.press("q \u001bOM");
  window.press("n");
  await window.hides("y/n");
  await helpAnswers(window);
}

describe("keys that nobody knows, and pastes", { timeout: 90_000 }, () => {
  test("change nothing in the launcher", async () => {
    const cwd = workplace(scratch, "unknown-launcher", 20);
    const window = averseWindow([], { cwd });
    await window.shows("two arms that can be watched");
    window.press("/watched\r");
    await window.hides("quickstart");
    const before = window.text;
    window.press(unknown);
    window.press(paste);
    // No shell could let it go on: it must be there again by itself.
    window.press("\u001a");
    await helpAnswers(window);
    expect(window.text).toBe(before);
    window.press("/");
    window.press("\u0015");
    window.press(paste);
    await window.shows("bad words exit please");
    window.press(keys.escape);
    await window.hides("bad words");
    window.press("q");
    expectTidy(window, await window.ended);
    expect(await runsIn(cwd)).toEqual([]);
  });

  test("change nothing in a view of a run", async () => {
    const cwd = workplace(scratch, "unknown-view", 100_000);
    await detachedRun(cwd);
    const window = averseWindow(["attach", "latest"], { cwd });
    await openTrial(window);
    await expectUnmoved(window, /▸1 Risk/);
    await expectFilterIsText(window);
    await expectEnterConfirmsNothing(window);
    expect(window.text).toContain("▶ running");
    expect((await runsIn(cwd))[0]).toMatchObject({ state: "running" });
    window.press("q");
    expectTidy(window, await window.ended);
  });

  test("change nothing in a run in the foreground, and do not end it", async () => {
    const cwd = workplace(scratch, "unknown-run", 100_000);
    const window = averseWindow(["run", "tail"], { cwd });
    await openTrial(window);
    await expectUnmoved(window, /▸1 Risk/);
    await expectFilterIsText(window);
    await expectEnterConfirmsNothing(window);
    expect(window.text).toContain("▶ running");
    window.press(keys.ctrlC);
    const end = await window.ended;
    expect(end.code).toBe(130);
    expectTidy(window, end);
  });
});
