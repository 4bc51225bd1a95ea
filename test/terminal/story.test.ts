/** A user's first hour: from `averse` to a run that is watched, left, found again and stopped. */
import { expect, test } from "vitest";
import { averse, buildProgramFirst, scratch } from "../cli/averse.js";
import { averseWindow, expectTidy, leaveNothingBehind, runsIn, workplace } from "./program.js";
import { keys } from "./terminal-window.js";

buildProgramFirst();
leaveNothingBehind();

test("launch, watch, steer, resize, look at the tail, leave, come back, stop", {
  timeout: 360_000,
}, async () => {
  const cwd = workplace(scratch, "story", 100_000);
  const first = averseWindow([], { cwd });

  // The launcher: a first-time user sees what to press.
  await first.shows("EXPERIMENTS");
  await first.shows("two arms that can be watched");
  first.press("/watched");
  await first.hides("quickstart");
  first.press(keys.enter);
  await first.hides("watched▏");
  first.press("n");
  await first.shows("New run of tail");
  first.press(keys.enter);

  // All trials, then the one at work.
  await first.shows("0 Trials");
  await first.shows(/rlhf-s0 +▶/);
  first.press(keys.enter);

  // The dashboard.
  await first.shows("1 Risk");
  await first.shows(/iteration [1-9]\d*\/100000/);
  expect(first.modes).toMatchObject({ alternate: true, cursorVisible: false, wraps: false });
  expect(await first.lineModes()).toMatchObject({ canonical: false, echo: false });
  const [run] = await runsIn(cwd);
  expect(run).toMatchObject({ state: "running" });

  first.press("p");
  await first.shows("‖ paused");
  const paused = /iteration (\d+)\//.exec(first.text)![1];
  expect((await runsIn(cwd))[0]).toMatchObject({ state: "paused" });
  first.press("p");
  await first.until((text) => /▶ running/.test(text), "running again");
  await first.until(
    (text) => Number(/iteration (\d+)\//.exec(text)?.[1]) > Number(paused),
    "a step on",
  );

  first.press("?");
  await first.shows("this help");
  first.press("?");
  await first.hides("this help");

  // Back in history, where nothing moves any more.
  first.press("[");
  await first.shows(/◀ at \d+/);
  const at = Number(/◀ at (\d+)/.exec(first.text)![1]);
  first.press("[[");
  await first.shows(`◀ at ${at - 2}`);
  first.press("]");
  await first.shows(`◀ at ${at - 1}`);

  // The tail, masked until it is asked for.
  first.press("3");
  await first.shows("▸3 Tail");
  const masked = await first.shows(/texts masked/);
  expect(masked).toMatch(/prompt +\S·/);
  first.press("t");
  const revealed = await first.hides("texts masked");
  expect(revealed).not.toMatch(/prompt +\S·/);
  first.press("t");
  await first.shows("texts masked");
  first.press("/return<-1");
  await first.shows("Filter tail: return<-1");
  first.press(keys.enter);
  await first.hides("Filter tail:");
  // Esc and a key at once would be Alt and that key.
  first.press(keys.escape);
  await first.hides("/return<-1");
  first.press(keys.enter);
  await first.shows(/Prompt \d+ +drawn/);
  first.press(keys.escape);
  await first.hides(/Prompt \d+ +drawn/);

  // What if.
  first.press("w");
  await first.shows("▸4 What if");
  first.press(keys.left);
  await first.shows(/if +.*\d/);
  first.press("f");
  await first.hides("1 Risk");
  first.press("f");
  await first.shows("1 Risk");

  // Every size keeps the frame whole.
  first.resize(60, 15);
  await first.until(
    (text) => !text.includes("raw reward") && text.includes("▸4 What if"),
    "one panel",
  );
  first.press(keys.tab.repeat(3));
  await first.shows("▸1 Risk");
  first.resize(140, 50);
  await first.shows(/5 Events ─.6 Log/);
  await first.shows("raw reward");

  // Left, and the run goes on.
  first.press("q");
  await first.shows("EXPERIMENTS");
  await first.shows("RUNS");
  first.press("q");
  const end = await first.ended;
  expect(end.code).toBe(0);
  expectTidy(first, end);
  expect((await runsIn(cwd))[0]).toMatchObject({ state: "running" });

  // Found again, and stopped.
  const second = averseWindow(["attach", "latest"], { cwd, columns: 80, rows: 24 });
  await second.shows(/rlhf-s0 +▶ [1-9]\d*\/100000/);
  second.press("x");
  await second.shows("y/n");
  second.press("y");
  await second.shows("interrupted");
  second.press("q");
  const stopped = await second.ended;
  expect(stopped.code).toBe(0);
  expectTidy(second, stopped);
  expect((await runsIn(cwd))[0]).toMatchObject({ state: "interrupted" });
  const { stdout } = await averse(["show", "latest"], { cwd });
  expect(stdout).toContain(run!.id);
});
