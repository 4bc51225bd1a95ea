/** Every way out of the program, and the terminal and the run that it leaves behind. */
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { averse, buildProgramFirst, root, scratch } from "../cli/averse.js";
import { ordinary } from "./emulator.js";
import {
  averseWindow,
  detachedRun,
  expectTidy,
  leaveNothingBehind,
  openTrial,
  runsIn,
  workplace,
} from "./program.js";
import { cooked, keys, type TerminalWindow, type WindowEnd } from "./terminal-window.js";

buildProgramFirst();
leaveNothingBehind();

const long = 100_000;
const preloaded = (file: string) => ({
  NODE_OPTIONS: `--require=${join(root, "test/terminal", file)}`,
});
const throwing = preloaded("throws_on_signal.cjs");
const throwingView = preloaded("throws_in_view.cjs");

function journalOf(cwd: string): { type: string; [key: string]: unknown }[] {
  const [run] = readdirSync(join(cwd, "runs"));
  const text = readFileSync(join(cwd, "runs", run!, "journal.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

async function stopRun(cwd: string): Promise<void> {
  expect(await averse(["stop", "latest"], { cwd })).toMatchObject({ code: 0, stderr: "" });
}

describe("a run in the foreground", () => {
  async function running(name: string, env = {}): Promise<{ cwd: string; window: TerminalWindow }> {
    const cwd = workplace(scratch, name, long);
    const window = averseWindow(["run", "tail"], { cwd, env });
    await window.emulator.write("$ averse run tail\r\n");
    await openTrial(window);
    return { cwd, window };
  }

  /** Once, in words that stay. */
  function expectStopped(cwd: string, window: TerminalWindow, end: WindowEnd): void {
    expect(end).toMatchObject({ code: 130, signal: null });
    expectTidy(window, end);
    const { normalText } = window.emulator;
    expect(normalText).toMatch(/^\$ averse run tail\n/);
    expect(normalText).toMatch(/Interrupted; `averse resume \S+` continues/);
    const words = "Stopping after the current iterations, with a checkpoint.";
    expect(normalText.split(words)).toHaveLength(2);
    const journal = journalOf(cwd);
    const stopped = journal.find(({ type }) => type === "trial_interrupted")!;
    expect(stopped.saved).toBe(stopped.step);
    expect(journal.at(-1)).toMatchObject({ type: "run_finished", outcome: "interrupted" });
  }

  test("q asks; Ctrl-C once checkpoints", async () => {
    const { cwd, window } = await running("ctrl-c");
    window.press("q");
    await window.shows("Leaving stops the run after the current iterations. Leave?");
    window.press("n");
    await window.hides("Leave?");
    window.press(keys.ctrlC);
    expectStopped(cwd, window, await window.ended);
  });

  test("q, and y: the run stops, and says so on the normal screen", async () => {
    const { cwd, window } = await running("leave");
    window.press("q");
    await window.shows("Leave?");
    window.press("y");
    expectStopped(cwd, window, await window.ended);
  });

  test("SIGTERM counts as one Ctrl-C", async () => {
    const { cwd, window } = await running("sigterm");
    window.signal("SIGTERM");
    expectStopped(cwd, window, await window.ended);
  });

  test("its window is closed: it stops with a checkpoint", async () => {
    const { cwd, window } = await running("hangup");
    window.hangUp();
    // As a program does whose terminal has gone, once it has put everything in order.
    expect(await window.ended).toMatchObject({ signal: 1 });
    expect(journalOf(cwd).at(-1)).toMatchObject({ type: "run_finished", outcome: "interrupted" });
  });

  test("SIGKILL: nothing but the screen is left to put right, and the run can be taken up", async () => {
    const { cwd, window } = await running("sigkill");
    window.signal("SIGKILL");
    expect(await window.ended).toMatchObject({ code: null, signal: 9 });
    // Nobody can do anything after that; what a shell does not set anew itself is `reset`'s.
    expect(window.modes).toMatchObject({ mouse: false });
    const [run] = await runsIn(cwd);
    expect(run!.state).toBe("stopped");
    const again = averseWindow(["resume", run!.id], { cwd });
    await openTrial(again);
    again.press(keys.ctrlC);
    const end = await again.ended;
    expect(end.code).toBe(130);
    expectTidy(again, end);
  });

  test("an error that nobody caught: it is told on the normal screen", async () => {
    const { window } = await running("uncaught", throwing);
    window.signal("SIGUSR2");
    const end = await window.ended;
    expect(end).toMatchObject({ code: 3, signal: null });
    expectTidy(window, end);
    expect(window.emulator.normalText).toContain("unexpected error: thrown for a test");
  });

  test.each([
    ["among the keys", (window: TerminalWindow) => window.press("\u001d")],
    ["in a frame", (window: TerminalWindow) => window.signal("SIGUSR2")],
  ])("a fault of its view, %s, ends the view alone", async (where, fail) => {
    const { cwd, window } = await running(`fault-${where.replaceAll(" ", "-")}`, throwingView);
    fail(window);
    const words = `the dashboard failed and was closed; the run continues: Error: thrown for a test, ${where}`;
    await window.shows(words);
    expect(window.modes).toEqual(ordinary);
    expect(await window.lineModes()).toEqual(cooked);
    // Lines go on, the newest below.
    const last = () => Number(/.*iteration (\d+)\/100000/s.exec(window.text)?.[1] ?? 0);
    await window.until(() => last() > 0, "lines");
    const seen = last();
    await window.until(() => last() > seen, "more lines");
    window.signal("SIGINT");
    expectStopped(cwd, window, await window.ended);
    expect(window.emulator.normalText.split(words)).toHaveLength(2);
  });

  test("its end: figures and reports on the normal screen", async () => {
    const cwd = workplace(scratch, "done", 20);
    const window = averseWindow(["run", "tail"], { cwd });
    const end = await window.ended;
    expect(end).toMatchObject({ code: 0, signal: null });
    expectTidy(window, end);
    expect(window.emulator.frames).toBeGreaterThan(0);
    const { normalText } = window.emulator;
    expect(normalText).toContain("CVaR");
    expect(normalText).toContain("report.html");
  });
});

describe("a view of a run in the background", () => {
  async function attached(
    name: string,
    env = {},
  ): Promise<{ cwd: string; window: TerminalWindow }> {
    const cwd = workplace(scratch, name, long);
    await detachedRun(cwd);
    const window = averseWindow(["attach", "latest"], { cwd, env });
    await openTrial(window);
    return { cwd, window };
  }

  async function expectRunning(cwd: string): Promise<void> {
    expect((await runsIn(cwd))[0]).toMatchObject({ state: "running" });
  }

  test("SIGTERM ends the view alone", async () => {
    const { cwd, window } = await attached("view-sigterm");
    window.signal("SIGTERM");
    const end = await window.ended;
    expect(end).toMatchObject({ code: null, signal: 15 });
    expectTidy(window, end);
    await expectRunning(cwd);
  });

  test("Ctrl-C ends the view alone", async () => {
    const { cwd, window } = await attached("view-ctrl-c");
    window.press(keys.ctrlC);
    const end = await window.ended;
    expect(end).toMatchObject({ code: 0, signal: null });
    expectTidy(window, end);
    await expectRunning(cwd);
    expect(window.emulator.normalText).toMatch(
      /^(tail-\S+): still running\. `averse attach \1` shows it again\.$/,
    );
  });

  test("what it says at its end: how the run stands, and how it goes on", async () => {
    const { cwd, window } = await attached("view-words");
    window.press("p");
    await window.shows("‖ paused");
    window.press("q");
    expectTidy(window, await window.ended);
    expect(window.emulator.normalText).toMatch(/: paused; `averse continue tail-\S+` continues/);
    await stopRun(cwd);
    const stopped = averseWindow(["attach", "latest"], { cwd });
    await stopped.shows("‖ interrupted");
    stopped.press("q");
    await stopped.ended;
    expect(stopped.emulator.normalText).toMatch(
      /: interrupted; `averse resume tail-\S+` continues/,
    );
  });

  test("what it says of a run that is done: its results", async () => {
    const cwd = workplace(scratch, "view-done", 20);
    await averse(["run", "tail", "--plain"], { cwd });
    const window = averseWindow(["attach", "latest"], { cwd, columns: 60, rows: 15 });
    const screen = await window.shows(/✓ done[\s\S]* gone/);
    expect(screen).not.toMatch(/ left/);
    window.press("q");
    expectTidy(window, await window.ended);
    expect(window.emulator.normalText).toMatch(/reward[\s\S]*run +\S*tail-/);
  });

  test("stays open over a stop and a resume, and over a death, and steers again", async () => {
    const { cwd, window } = await attached("view-resumed");
    const steers = async () => {
      window.press("p");
      await window.shows("‖ paused");
      window.press("p");
      await window.shows("▶ running");
    };
    const resume = async (): Promise<{ pid: number; id: string }> => {
      const { stdout } = await averse(["resume", "latest", "--detach", "--json"], { cwd });
      return JSON.parse(stdout);
    };
    await stopRun(cwd);
    await window.shows("‖ interrupted");
    const { pid, id } = await resume();
    await window.shows("▶ running");
    await steers();
    process.kill(pid, "SIGKILL");
    await window.shows("◼ stopped");
    await window.shows(`its controller died; \`averse resume ${id}\` continues`);
    window.press("p");
    await window.shows("no controller is running");
    await resume();
    await window.shows("▶ running");
    await steers();
    window.press("q");
    expectTidy(window, await window.ended);
  });

  test("says so when the run's folder is moved away, and goes on once it is back", async () => {
    const { cwd, window } = await attached("view-moved");
    const [run] = await runsIn(cwd);
    const folder = join(cwd, "runs", run!.id);
    window.press("p");
    await window.shows("‖ paused");
    renameSync(folder, `${folder}-elsewhere`);
    await window.shows("folder is gone, deleted or moved: the view continues once it is back.");
    expect(window.text).toContain("✗ unreadable");
    renameSync(`${folder}-elsewhere`, folder);
    await window.shows("‖ paused");
    window.press("p");
    await window.shows("▶ running");
    window.press("q");
    expectTidy(window, await window.ended);
  });

  test("SIGKILL, and a window that is closed, end the view alone", async () => {
    const { cwd, window } = await attached("view-sigkill");
    const other = averseWindow(["attach", "latest"], { cwd, columns: 80, rows: 24 });
    await openTrial(other);
    window.signal("SIGKILL");
    expect(await window.ended).toMatchObject({ signal: 9 });
    expect(window.modes).toMatchObject({ mouse: false });
    other.hangUp();
    await other.ended;
    await expectRunning(cwd);
  });

  test("an error that nobody caught: it is told on the normal screen", async () => {
    const { cwd, window } = await attached("view-uncaught", throwing);
    window.signal("SIGUSR2");
    const end = await window.ended;
    expect(end).toMatchObject({ code: 3, signal: null });
    expectTidy(window, end);
    expect(window.emulator.normalText).toContain("unexpected error: thrown for a test");
    await expectRunning(cwd);
  });

  test("the end of the run does not end the view", async () => {
    const { cwd, window } = await attached("view-end");
    await stopRun(cwd);
    await window.shows("interrupted");
    window.press("q");
    const end = await window.ended;
    expect(end).toMatchObject({ code: 0, signal: null });
    expectTidy(window, end);
  });
});

describe("the launcher", () => {
  test.each([
    ["q", (window: TerminalWindow) => window.press("q"), { code: 0, signal: null }],
    ["Ctrl-C", (window: TerminalWindow) => window.press(keys.ctrlC), { code: 0, signal: null }],
    ["SIGTERM", (window: TerminalWindow) => window.signal("SIGTERM"), { signal: 15 }],
  ])("%s gives the terminal back", async (name, leave, how) => {
    const cwd = workplace(scratch, `launcher-${name}`, long);
    const window = averseWindow([], { cwd });
    await window.shows("two arms that can be watched");
    leave(window);
    const end = await window.ended;
    expect(end).toMatchObject(how);
    expectTidy(window, end);
  });
});
