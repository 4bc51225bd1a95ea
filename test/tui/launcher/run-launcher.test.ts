import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { RunSummary } from "../../../src/run-model/run-summary.js";
import type { InkScreen, InkScreenOptions } from "../../../src/tui/ink-screen.js";
import type { LauncherPorts } from "../../../src/tui/launcher/launcher-ports.js";
import { runLauncher } from "../../../src/tui/launcher/run-launcher.js";
import { eventually } from "../../eventually.js";
import { comparedRuns } from "../compare/compare-fixture.js";
import { check, experiments, presses, run, runs, textOf } from "./launcher-fixture.js";

const size = { columns: 80, rows: 24 };

/** A terminal that a test presses keys on and reads. */
class Screens {
  /** What was opened and left, and which runs were shown in between. */
  readonly happened: string[] = [];
  frame = "";
  #options: InkScreenOptions | null = null;

  readonly open = (options: InkScreenOptions): InkScreen => {
    this.happened.push("screen");
    this.#options = options;
    return {
      size: () => size,
      draw: (lines) => {
        this.frame = textOf(lines);
      },
      leave: () => {
        this.happened.push("left");
      },
    };
  };

  press(...keys: string[]): void {
    for (const key of presses(...keys)) this.#options!.onKey(key);
  }

  disturb(): void {
    this.#options!.onDisturbed();
  }

  lose(): void {
    this.#options!.onLost();
  }

  async shows(text: string): Promise<void> {
    await eventually(() => expect(this.frame).toContain(text));
  }
}

function started(changes: Partial<LauncherPorts> = {}) {
  const screens = new Screens();
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
      screens.happened.push(id);
    },
    compare: async () => comparedRuns,
    ...changes,
  };
  const over = runLauncher(ports, {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout: new PassThrough() as unknown as NodeJS.WriteStream,
    color: false,
    unicode: true,
    openScreen: screens.open,
  });
  return { screens, over, asked, listed };
}

test("starts a run with a changed setting, shows it, and comes back with the cursor on it", async () => {
  const { screens, over, asked } = started();
  await screens.shows("quickstart-77777777");
  screens.press("tab", "n", "down", "down", "down", "ctrl-u", "text:0.2");
  await screens.shows("--set risk.alpha=0.2");
  screens.press("up", "up", "up", "enter");
  await screens.shows("▸   ● running  quickstart-99999999");
  expect(asked).toEqual(["quickstart risk.alpha=0.2"]);
  screens.press("q");
  await over;
  expect(screens.happened).toEqual(["screen", "left", "quickstart-99999999", "screen", "left"]);
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
  expect(screens.frame).toContain("New run of quickstart");
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
  screens.press("escape", "q");
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

test("draws again when the terminal was disturbed, and ends when it is gone", async () => {
  const { screens, over } = started();
  await screens.shows("quickstart-77777777");
  screens.frame = "";
  screens.disturb();
  await screens.shows("quickstart-77777777");
  screens.lose();
  await over;
  expect(screens.happened).toEqual(["screen", "left"]);
});
