import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunSummary } from "../../../src/run-model/run-summary.js";
import {
  emptyLauncher,
  failed,
  foundExperiments,
  foundRuns,
  type LauncherState,
  startedRun,
} from "../../../src/tui/launcher/launcher-state.js";
import { inListOrder, isLive, shown } from "../../../src/tui/launcher/list-state.js";
import { editOf } from "../../../src/tui/terminal/text-edit.js";
import {
  afterKeys,
  experiment,
  experiments,
  firstTime,
  launcher,
  run,
  runs,
  steps,
} from "./launcher-fixture.js";

const at = (state: LauncherState): string => state.list.cursor?.id ?? "";

describe("the cursor", () => {
  test("is on a live run at first, or else on the first experiment", () => {
    expect(at(launcher)).toBe("quickstart-77777777");
    expect(at(firstTime)).toBe("quickstart");
  });

  test("waits until experiments and runs are read", () => {
    const half = foundExperiments(emptyLauncher, experiments);
    expect(half.list.cursor).toBeNull();
    expect(at(foundRuns(half, runs))).toBe("quickstart-77777777");
  });

  test("goes through experiments and runs as one list, and no further", () => {
    expect(at(afterKeys(firstTime, "down"))).toBe("quickstart-seeds");
    expect(at(afterKeys(launcher, "g"))).toBe("quickstart");
    expect(at(afterKeys(launcher, "g", "k"))).toBe("quickstart");
    expect(at(afterKeys(launcher, "g", "j", "j", "j"))).toBe("quickstart-77777777");
    expect(at(afterKeys(launcher, "end", "down"))).toBe("quickstart-0badc0de");
    expect(at(afterKeys(launcher, "g", "page-down"))).toBe("quickstart-0badc0de");
  });

  test("goes to the ends of its own section first, then of all", () => {
    const onThird = afterKeys(launcher, "j", "j");
    expect(at(afterKeys(onThird, "home"))).toBe("quickstart-77777777");
    expect(at(afterKeys(onThird, "home", "home"))).toBe("quickstart");
    expect(at(afterKeys(launcher, "g", "end"))).toBe("smoke");
    expect(at(afterKeys(launcher, "g", "end", "end"))).toBe("quickstart-0badc0de");
  });

  test("goes to the other list with Tab", () => {
    expect(at(afterKeys(launcher, "tab"))).toBe("quickstart");
    expect(at(afterKeys(launcher, "tab", "tab"))).toBe("quickstart-77777777");
    expect(at(afterKeys(firstTime, "tab"))).toBe("quickstart");
  });

  test("stays on its run when others come and go", () => {
    const newer = run("quickstart-99999999", { state: "running", started: "2026-11-23T11:59:00Z" });
    const more = foundRuns(launcher, [newer, ...runs]);
    expect(more.list.runs?.[0]?.id).toBe("quickstart-99999999");
    expect(at(more)).toBe("quickstart-77777777");
  });

  test("goes to the neighbour when its run is gone", () => {
    const fewer = foundRuns(
      launcher,
      runs.filter(({ id }) => id !== "quickstart-77777777"),
    );
    expect(at(fewer)).toBe("smoke-5e5e5e5e");
  });

  test("waits for a run that was started and is not listed yet", () => {
    const started = startedRun(launcher, "quickstart-99999999");
    expect(at(foundRuns(started, runs))).toBe("quickstart-99999999");
  });
});

describe("order", () => {
  test("live first, then newest; the order found does not matter", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.record({
            id: fc.string({ minLength: 1, maxLength: 8 }),
            state: fc.constantFrom<RunSummary["state"]>("running", "paused", "done", "failed"),
            started: fc.constantFrom("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", null),
          }),
          { selector: ({ id }) => id },
        ),
        fc.integer(),
        (some, turn) => {
          const entries = some.map(({ id, ...rest }) => run(id, rest));
          const ordered = inListOrder(entries);
          const lives = ordered.map(isLive);
          expect(lives.lastIndexOf(true)).toBe(lives.filter(Boolean).length - 1);
          for (const part of [true, false]) {
            const times = ordered
              .filter((entry) => isLive(entry) === part)
              .map(({ started }) => started ?? "");
            expect(times).toEqual([...times].sort().reverse());
          }
          const by = entries.length === 0 ? 0 : Math.abs(turn) % entries.length;
          expect(inListOrder([...entries.slice(by), ...entries.slice(0, by)])).toEqual(ordered);
        },
      ),
    );
  });
});

describe("the filter", () => {
  test("takes keys until Enter, letters that are commands among them", () => {
    const typed = afterKeys(launcher, "/", "text:qn");
    expect(typed.list.filter.text).toBe("qn");
    expect(typed.screen.kind).toBe("list");
    expect(afterKeys(typed, "enter").list.filtering).toBe(false);
    expect(steps(typed, "enter", "q").effect).toEqual({ kind: "quit" });
  });

  test("finds words anywhere in name, purpose and state", () => {
    expect(shown(runs, editOf("paused")).map(({ id }) => id)).toEqual(["smoke-5e5e5e5e"]);
    expect(shown(runs, editOf("TAIL quick 1a2b")).map(({ id }) => id)).toEqual([
      "quickstart-1a2b3c4d",
    ]);
    expect(shown(runs, editOf("  "))).toHaveLength(runs.length);
  });

  test("keeps the cursor on what is shown", () => {
    expect(at(afterKeys(launcher, "/", "text:smoke"))).toBe("smoke-5e5e5e5e");
    expect(at(afterKeys(launcher, "/", "text:seeds"))).toBe("quickstart-seeds");
    expect(afterKeys(launcher, "/", "text:nothing").list.cursor).toBeNull();
    expect(at(afterKeys(launcher, "/", "text:nothing", "escape"))).not.toBe("");
  });

  test("is cleared by Esc, typing or not", () => {
    const kept = afterKeys(launcher, "/", "text:smoke", "enter");
    expect(afterKeys(kept, "escape").list.filter.text).toBe("");
    expect(afterKeys(launcher, "/", "text:smoke", "escape").list).toMatchObject({
      filtering: false,
      filter: { text: "" },
    });
  });
});

describe("opening", () => {
  test("Enter opens a run, and the form of an experiment", () => {
    expect(steps(launcher, "enter").effect).toEqual({ kind: "open", run: "quickstart-77777777" });
    expect(afterKeys(launcher, "tab", "enter").screen.kind).toBe("form");
  });

  test("n on a run tells where experiments are", () => {
    const { state, effect } = steps(launcher, "n");
    expect(effect).toBeNull();
    expect(state.screen.kind).toBe("list");
    expect(state.notice?.text).toContain("Tab");
    expect(afterKeys(state, "down").notice).toBeNull();
  });

  test("an experiment that cannot be read says why and has no form", () => {
    const problems = ["broken.yaml:3:1: found a tab, expected spaces."];
    const broken = experiment("smoke", { id: "broken", settings: null, problems });
    const state = afterKeys(foundRuns(foundExperiments(emptyLauncher, [broken]), []), "n");
    expect(state.screen.kind).toBe("list");
    expect(state.notice).toEqual({ level: "error", text: problems[0] });
  });
});

describe("comparing", () => {
  test("c marks, and compares all that are marked when pressed on a marked one", () => {
    const marked = afterKeys(launcher, "c", "down", "c");
    expect(marked.list.marked).toEqual(["quickstart-77777777", "smoke-5e5e5e5e"]);
    const { state, effect } = steps(marked, "c");
    expect(effect).toEqual({
      kind: "compare",
      runs: ["quickstart-77777777", "smoke-5e5e5e5e"],
    });
    expect(state.screen.kind).toBe("compare");
    expect(failed(state, "no").screen.kind).toBe("list");
  });

  test("marks can be taken back, one with Space and all with Esc", () => {
    const marked = afterKeys(launcher, "c", "down", "c");
    expect(afterKeys(marked, " ").list.marked).toEqual(["quickstart-77777777"]);
    expect(afterKeys(marked, "escape").list.marked).toEqual([]);
  });

  test("a marked run that is gone is not compared", () => {
    expect(foundRuns(afterKeys(launcher, "c"), []).list.marked).toEqual([]);
  });

  test("an experiment cannot be marked", () => {
    expect(afterKeys(launcher, "tab", "c").list.marked).toEqual([]);
    expect(afterKeys(launcher, "tab", "c").notice?.text).toContain("Runs");
  });
});

test("leaving: q and Ctrl-C in the list, Ctrl-C everywhere", () => {
  expect(steps(launcher, "q").effect).toEqual({ kind: "quit" });
  for (const keys of [[], ["?"], ["/"], ["tab", "n"], ["tab", "n", "down", "down"], ["c", "c"]]) {
    expect(steps(launcher, ...keys, "ctrl-c").effect, keys.join()).toEqual({ kind: "quit" });
  }
});

test("help covers the screen, scrolls, and any other key closes it", () => {
  const help = afterKeys(launcher, "?");
  expect(help.help).toBe(true);
  expect(afterKeys(help, "down").helpScroll).toBe(1);
  expect(afterKeys(help, "down", "up", "up").helpScroll).toBe(0);
  const closed = steps(help, "q");
  expect(closed.effect).toBeNull();
  expect(closed.state.help).toBe(false);
});

describe("what is written about a run", () => {
  const onRun = afterKeys(launcher, "end", "end");
  const id = at(onRun)!;

  test.each([
    ["r", "text:a title ", { title: "a title", tags: [], note: "" }],
    ["t", "text:good, alpha good", { title: "", tags: ["good", "alpha"], note: "" }],
    ["e", "text:look at the tail", { title: "", tags: [], note: "look at the tail" }],
  ])("%s types it, Enter keeps it", (key, text, notes) => {
    const { effect, state } = steps(onRun, key, text, "enter");
    expect(effect).toEqual({ kind: "annotate", run: id, notes });
    expect(state.list.writing).toBeNull();
  });

  test("Esc leaves it as it was, and q is a letter", () => {
    expect(steps(onRun, "r", "q", "escape")).toMatchObject({
      effect: null,
      state: { list: { writing: null } },
    });
  });

  test("is found by the filter", () => {
    const titled = foundRuns(
      launcher,
      runs.map((one) => (one.id === id ? { ...one, title: "Second", tags: ["odd"] } : one)),
    );
    for (const word of ["second", "odd"]) {
      expect(shown(titled.list.runs, editOf(word)).map((run) => run.id)).toEqual([id]);
    }
  });
});

describe("deleting a run", () => {
  const onRun = afterKeys(launcher, "end", "end");

  test("asks, and only y deletes", () => {
    expect(steps(onRun, "d", "enter", "d", " ").effect).toBeNull();
    expect(steps(onRun, "d", "n", "y").effect).toBeNull();
    expect(steps(onRun, "d", "y").effect).toEqual({ kind: "remove", run: at(onRun) });
  });

  test("is refused while the run is at work", () => {
    const running = {
      ...launcher,
      list: { ...launcher.list, cursor: { kind: "run", id: "quickstart-77777777" } },
    } as const;
    const { state, effect } = steps(running, "d");
    expect(effect).toBeNull();
    expect(state.notice?.text).toContain("stop it first");
  });
});
