import { afterEach, expect, test } from "vitest";
import type { RunSummary } from "../../../src/run-model/run-summary.js";
import type { LauncherPorts } from "../../../src/tui/launcher/launcher-ports.js";
import { runLauncher } from "../../../src/tui/launcher/run-launcher.js";
import { eventually } from "../../eventually.js";
import { comparedRuns } from "../compare/compare-fixture.js";
import { Display, Keyboard } from "../terminal/fake-terminal.js";
import { check, experiments, run, runs, typed } from "./launcher-fixture.js";

/** A terminal that a test presses keys on and reads. */
class Screens {
  /** Which runs were shown. */
  readonly opened: string[] = [];
  readonly keyboard = new Keyboard();
  readonly display = new Display();

  press(...keys: string[]): void {
    this.keyboard.type(typed(...keys));
  }

  async shows(text: string): Promise<void> {
    await eventually(() => {
      expect(this.display.shown).toContain(text);
      expect(this.keyboard.isRead).toBe(true);
    });
  }
}

const open: Screens[] = [];

afterEach(() => {
  for (const { display } of open.splice(0)) display.emit("error", new Error("EIO"));
});

function started(changes: Partial<LauncherPorts> = {}) {
  const screens = new Screens();
  open.push(screens);
  const listed: RunSummary[] = [...runs];
  const asked: string[] = [];
  const ports: LauncherPorts = {
    experiments: async () => experiments,
    runs: async () => listed,
    check,
    start: async (experiment, overrides) => {
      asked.push([experiment, ...overrides].join(" "));
      listed.push(
        run("quickstart-99999999", { state: "running", started: "2026-11-23T12:00:00Z" }),
      );
      return "quickstart-99999999";
    },
    open: async (id) => {
      screens.opened.push(id);
    },
    annotate: async () => {},
    remove: async () => {},
    compare: async () => comparedRuns,
    ...changes,
  };
  const over = runLauncher(ports, {
    stdin: screens.keyboard.stream,
    stdout: screens.display.stream,
    color: false,
    unicode: true,
  });
  return { screens, over, asked, listed };
}

test("starts a run with a changed setting, shows it, and comes back with the cursor on it", async () => {
  const { screens, over, asked } = started();
  await screens.shows("quickstart-77777777");
  screens.press("tab", "n", "page-up", "down", "down", "ctrl-u", "text:0.2");
  await screens.shows("--set risk.alpha=0.2");
  screens.press("page-down", "enter");
  await screens.shows("▸   ● running  quickstart-99999999");
  expect(asked).toEqual(["quickstart risk.alpha=0.2"]);
  screens.press("q");
  await over;
  expect(screens.opened).toEqual(["quickstart-99999999"]);
  expect(screens.display.isAsBefore).toBe(true);
});

test("a refused start keeps the form and says why", async () => {
  const { screens, over } = started({
    start: async () => {
      throw new Error("there is no Python here\u001b[2J");
    },
  });
  await screens.shows("RUNS");
  screens.press("tab", "n", "enter");
  await screens.shows("there is no Python here⟨U+001B⟩[2J");
  expect(screens.display.shown).toContain("New run of quickstart");
  screens.press("ctrl-c");
  await over;
});

test("a run that cannot be shown leads back with the reason", async () => {
  const { screens, over } = started({
    open: async () => {
      throw new Error("its journal is gone");
    },
  });
  await screens.shows("quickstart-77777777");
  screens.press("enter");
  await screens.shows("! its journal is gone");
  screens.press("q");
  await over;
});

test("compares marked runs", async () => {
  const { screens, over } = started();
  await screens.shows("quickstart-77777777");
  screens.press("c", "c");
  await screens.shows("A ra-rlhf");
  screens.press("escape");
  // Escape and a key at once would be Alt and that key.
  await screens.shows("EXPERIMENTS");
  screens.press("q");
  await over;
});

test("runs that come up are listed within a moment, and a folder that cannot be read is told", async () => {
  let broken = false;
  const { screens, over, listed } = started({
    runs: async () => {
      if (broken) throw new Error("cannot read runs");
      return listed;
    },
  });
  await screens.shows("quickstart-77777777");
  listed.push(run("smoke-abababab"));
  await screens.shows("smoke-abababab");
  broken = true;
  await screens.shows("! cannot read runs");
  screens.press("q");
  await over;
});

test("where runs cannot be read from the first, experiments are listed all the same", async () => {
  const { screens, over } = started({
    runs: async () => {
      throw new Error("runs is a file where a folder should be");
    },
  });
  await screens.shows("! runs is a file");
  await screens.shows("quickstart-seeds");
  screens.press("q");
  await over;
});

test("draws again when the terminal has another size, and ends when it is gone", async () => {
  const { screens, over } = started();
  await screens.shows("quickstart-77777777");
  screens.display.resize(60, 15);
  await eventually(() => expect(screens.display.shown).not.toContain("averse ·"));
  await screens.shows("quickstart-77777777");
  screens.display.emit("error", new Error("EIO"));
  await over;
  expect(screens.keyboard.isRaw).toBe(false);
});
