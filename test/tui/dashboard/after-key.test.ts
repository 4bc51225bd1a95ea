import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterKey } from "../../../src/tui/dashboard/after-key.js";
import { dashboardKeys } from "../../../src/tui/dashboard/keys.js";
import {
  type DashboardEffect,
  firstView,
  type ViewFacts,
  type ViewState,
} from "../../../src/tui/dashboard/view-state.js";
import { type KeyName, type KeyPress, keyNames } from "../../../src/tui/terminal/keys.js";

const facts: ViewFacts = {
  trials: ["sft-s0", "rlhf-s0", "ra-rlhf-s0"],
  trial: "rlhf-s0",
  steps: 40,
  iterations: 64,
  charts: ["reward_mean", "component polite", "cvar"],
  tailRows: 30,
  prompt: 7,
  completions: 4,
  eventsEnd: 12,
  resultsEnd: 0,
  logEnd: 5,
  page: null,
  actual: { alpha: 0.4, measure: "cvar" },
  state: "running",
  live: true,
  held: true,
  helpEnd: 11,
  foreground: false,
};
/** One trial is on the screen. */
const trialView: ViewState = { ...firstView, overview: false };
const inFront: ViewFacts = { ...facts, foreground: true };

function press(key: string): KeyPress {
  return keyNames.includes(key as KeyName)
    ? { kind: "named", name: key as KeyName }
    : { kind: "character", text: key };
}

interface Played {
  readonly view: ViewState;
  readonly effects: readonly DashboardEffect[];
}

/** @param keys names of keys and characters, a space between them */
function play(keys: string, given = facts, view: ViewState = trialView): Played {
  const effects: DashboardEffect[] = [];
  for (const key of keys.split(" ")) {
    const step = afterKey(view, press(key === "space" ? " " : key), given);
    view = step.view;
    effects.push(...(step.effect === null ? [] : [step.effect]));
  }
  return { view, effects };
}

const view = (keys: string, given = facts): ViewState => play(keys, given).view;
const effects = (keys: string, given = facts): readonly DashboardEffect[] =>
  play(keys, given).effects;

describe("the tail by prompt", () => {
  test("b goes to and fro, from any panel, and to the first row of the newest step", () => {
    expect(view("3 j j b")).toMatchObject({ focus: "tail", grouped: true, selected: 0, step: 39 });
    expect(view("b b").grouped).toBe(false);
  });

  test("says why there is nothing to group with one completion per prompt", () => {
    const alone = view("b", { ...facts, completions: 1 });
    expect(alone.grouped).toBe(false);
    expect(alone.notice?.text).toContain("one completion per prompt");
  });
});

test("charts go round through those that the trial has, its components' among them", () => {
  expect(["2 j", "2 j j", "2 j j j", "2 j j j j"].map((keys) => view(keys).chart)).toEqual([
    ...["reward_mean", "component polite", "cvar", null],
  ]);
});

describe("charts", () => {
  test("y changes the axis, a goes through the spans", () => {
    expect([view("y").isLog, view("y y").isLog]).toEqual([true, false]);
    expect(["a", "a a", "a a a"].map((keys) => view(keys).smoothing)).toEqual([1, 2, 0]);
  });

  test("/ finds figures where training is in focus, and Esc takes the search back", () => {
    const searched = play("2 / k l");
    expect(searched.view).toMatchObject({ typing: true, filters: { training: "kl" } });
    const kept = play("enter", facts, searched.view).view;
    expect(kept).toMatchObject({ typing: false, filters: { training: "kl" } });
    expect(play("escape", facts, kept).view.filters.training).toBe("");
  });
});

test("v shows the best first, from any panel", () => {
  expect(view("2 v")).toMatchObject({ focus: "tail", best: true, selected: 0, step: 39 });
  expect(view("v v").best).toBe(false);
});

test("the worker's output scrolls, and is followed again at its end", () => {
  expect(view("6 k").logFrom).toBe(4);
  expect(view("6 k j").logFrom).toBeNull();
  expect(view("6 space").logFrom).toBe(5);
  expect(view("6 5")).toMatchObject({ bottom: "events", focus: "events" });
});

describe("focus", () => {
  test("goes round with Tab and Shift-Tab, and to a panel by its number", () => {
    expect(view("tab").focus).toBe("training");
    expect(view("shift-tab").focus).toBe("log");
    expect(view("tab tab tab tab tab tab").focus).toBe("risk");
    expect(view("3").focus).toBe("tail");
  });

  test("keeps the lower panel that was looked at last where there is room for one", () => {
    expect(view("5 1").below).toBe("events");
    expect(view("4 2").below).toBe("what-if");
  });

  test("w goes to what-if and back to where it came from", () => {
    expect(view("3 w").focus).toBe("what-if");
    expect(view("3 w w").focus).toBe("tail");
  });
});

describe("history", () => {
  test("[ and ] go step by step; at the newest the view follows again", () => {
    expect(view("[").step).toBe(38);
    expect(view("[ [ ]").step).toBe(38);
    expect(view("[ ]").step).toBeNull();
    expect(view("home [").step).toBe(0);
    expect(view("home end").step).toBeNull();
  });

  test("{ and } go by a tenth of what the charts show", () => {
    expect(view("{").step).toBe(39 - 6);
    expect(view("+ {").step).toBe(39 - 3);
  });

  test("zoom has ends", () => {
    expect(view("-").zoom).toBe(0);
    expect(view("+ + + + + + +").zoom).toBe(3);
  });

  test("another trial begins at its newest step", () => {
    const other = view("[ right");
    expect([other.trial, other.step]).toEqual(["ra-rlhf-s0", null]);
    expect(view("left").trial).toBe("sft-s0");
    expect(view("right", { ...facts, trial: "ra-rlhf-s0" }).trial).toBeNull();
  });

  test("reading holds the step: it does not change under the reader's eyes", () => {
    expect(view("3 j").step).toBe(39);
    expect(view("3 t").step).toBe(39);
    expect(view("w up").step).toBe(39);
    expect(view("3 j escape").step).toBeNull();
  });
});

describe("the tail", () => {
  test("has a row selected, within its ends", () => {
    expect(view("3 k").selected).toBe(0);
    expect(view("3 j j").selected).toBe(2);
    expect(view("3 page-down").selected).toBe(10);
    expect(view("3 G").selected).toBe(29);
    expect(view("3 j", { ...facts, tailRows: 0 }).selected).toBe(0);
  });

  test("opens the selected episode's page; scrolling it and Esc leave the list alone", () => {
    const page = { rows: 8, end: 20 };
    const opened = play("3 j enter").view;
    expect([opened.history, opened.pageFrom, opened.selected]).toEqual([7, 0, 1]);
    const from = (keys: string, start = 0): number => {
      const then = play(keys, { ...facts, page }, { ...opened, pageFrom: start }).view;
      expect(then).toMatchObject({ history: 7, selected: 1 });
      return then.pageFrom;
    };
    expect([from("j j k"), from("k"), from("enter", 5)]).toEqual([1, 0, 5]);
    // By what is seen of it, so that no line is passed over, and never past its end.
    expect([from("page-down"), from("page-down page-down page-down")]).toEqual([8, 20]);
    expect([from("page-up", 20), from("G"), from("g", 9)]).toEqual([12, 20, 0]);
    // After a resize the end may be nearer than where one was.
    expect(from("k", 50)).toBe(19);
    expect(view("3 j enter escape").history).toBeNull();
    expect(view("3 j enter [").history).toBeNull();
    expect(view("3 j enter /").history).toBeNull();
    expect(view("3 enter", { ...facts, prompt: null }).history).toBeNull();
  });

  test("reveals texts, and hides them again", () => {
    expect(view("t").revealed).toBe(true);
    expect(view("t t").revealed).toBe(false);
  });
});

describe("a filter", () => {
  test("takes every key until Enter keeps it or Esc clears it", () => {
    const typing = view("/ q q");
    expect([typing.typing, typing.filters.tail, typing.focus]).toEqual([true, "qq", "tail"]);
    const kept = view("/ a b backspace enter");
    expect([kept.typing, kept.filters.tail]).toEqual([false, "a"]);
    expect(view("/ a escape")).toMatchObject({ typing: false, filters: { tail: "" } });
  });

  test("is the events' where they are in focus, and Esc takes it away", () => {
    expect(view("5 / x enter").filters).toEqual({ tail: "", events: "x", training: "" });
    expect(view("5 / x enter escape").filters.events).toBe("");
  });

  test("stays short, whatever is pasted", () => {
    const pasted = Array.from({ length: 300 }, () => "x").join(" ");
    expect(view(`/ ${pasted}`).filters.tail).toHaveLength(100);
  });

  test("takes whole characters back", () => {
    expect(view("/ a 👍 backspace").filters.tail).toBe("a");
  });
});

describe("what if", () => {
  test("asks for the tail where alpha changes and the measure has none", () => {
    const neutral = { ...facts, actual: { alpha: 1, measure: "mean" as const } };
    expect(view("w left", neutral).whatIf).toMatchObject({ measure: "cvar", alpha: 0.95 });
    expect(view("w left").whatIf.measure).toBeNull();
    const chosen = { ...view("w"), whatIf: { alpha: 0.3, measure: "random-drop", offset: 0 } };
    expect(play("left", facts, chosen as ViewState).view.whatIf.measure).toBe("random-drop");
  });

  test("asks with another alpha, on a grid within (0, 1]", () => {
    expect(view("w right").whatIf.alpha).toBe(0.45);
    expect(view(`w ${Array(40).fill("left").join(" ")}`).whatIf.alpha).toBe(0.05);
    expect(view(`w ${Array(40).fill("right").join(" ")}`).whatIf.alpha).toBe(1);
  });

  test("asks with another measure, and Esc asks as the run did", () => {
    expect(view("w down").whatIf.measure).toBe("cvar-gradient");
    expect(view("w up").whatIf.measure).toBe("quantile-baseline");
    expect(view("w up right escape").whatIf).toEqual({ alpha: null, measure: null, offset: 0 });
  });
});

describe("events", () => {
  test("follow the tail until one scrolls back, and again at the end", () => {
    expect(view("5 k").eventsFrom).toBe(11);
    expect(view("5 k j").eventsFrom).toBeNull();
    expect(view("5 space").eventsFrom).toBe(12);
    expect(view("5 space space").eventsFrom).toBeNull();
    expect(view("5 g").eventsFrom).toBe(0);
  });
});

describe("Esc", () => {
  test("takes back one thing at a time, the last opened first", () => {
    const open = play("3 / a enter j f enter").view;
    expect(open).toMatchObject({ history: 7, full: true, step: 39 });
    const once = play("escape", facts, open).view;
    expect(once).toMatchObject({ history: null, full: true });
    const twice = play("escape", facts, once).view;
    expect(twice).toMatchObject({ full: false, filters: { tail: "a" } });
    const thrice = play("escape", facts, twice).view;
    expect(thrice).toMatchObject({ filters: { tail: "" }, step: 39 });
    expect(play("escape", facts, thrice).view.step).toBeNull();
  });
});

describe("commands", () => {
  test("go to the run: p by its state, s and e at once", () => {
    expect(effects("p")).toEqual([{ kind: "ask", command: "pause" }]);
    expect(effects("p", { ...facts, state: "paused" })).toEqual([
      { kind: "ask", command: "continue" },
    ]);
    expect(effects("s e")).toEqual([
      { kind: "ask", command: "checkpoint" },
      { kind: "ask", command: "evaluate" },
    ]);
  });

  test("are refused where the controller is out of reach", () => {
    const { notice } = play("p", { ...facts, live: false }).view;
    expect(notice?.text).toContain("its controller cannot be reached");
  });

  test("are refused with a reason where nobody runs the run, until the next key", () => {
    const left = { ...facts, live: false, held: false, state: "done" } as const;
    for (const key of ["p", "s", "e", "x"]) {
      const { view: after, effects: asked } = play(key, left);
      expect(asked).toEqual([]);
      expect(after.notice?.text).toContain("no controller is running");
      expect(play("tab", facts, after).view.notice).toBeNull();
    }
  });

  test("x stops only after a yes, and a run that stops already is aborted after another", () => {
    expect(effects("x")).toEqual([]);
    expect(effects("x n")).toEqual([]);
    expect(effects("x escape y")).toEqual([]);
    expect(effects("x y")).toEqual([{ kind: "ask", command: "stop" }]);
    expect(effects("x y", { ...facts, state: "stopping" })).toEqual([
      { kind: "ask", command: "abort" },
    ]);
  });

  test("a question takes no key but its answers", () => {
    expect(view("x p q 3 enter")).toMatchObject({ dialog: "stop", focus: "risk" });
  });
});

describe("leaving", () => {
  test("q leaves a view of another's run at once, also while typing is over", () => {
    expect(effects("q")).toEqual([{ kind: "leave" }]);
  });

  test("q asks where it would stop a run in the foreground, and stops it on yes", () => {
    expect(play("q", inFront)).toMatchObject({ view: { dialog: "leave" }, effects: [] });
    expect(effects("q n", inFront)).toEqual([]);
    expect(effects("q y", inFront)).toEqual([{ kind: "stop-and-leave" }]);
    expect(effects("q", { ...inFront, state: "done" })).toEqual([{ kind: "leave" }]);
  });

  test("Ctrl-C leaves a view, whatever is open", () => {
    for (const keys of ["ctrl-c", "/ a ctrl-c", "? ctrl-c", "x ctrl-c"]) {
      expect(effects(keys)).toEqual([{ kind: "leave" }]);
    }
  });

  test("Ctrl-C stops a run in the foreground, and breaks it off the second time", () => {
    expect(effects("ctrl-c ctrl-c", inFront)).toEqual([
      { kind: "ask", command: "stop" },
      { kind: "ask", command: "abort" },
    ]);
    expect(effects("ctrl-c", { ...inFront, state: "stopping" })).toEqual([
      { kind: "ask", command: "abort" },
    ]);
  });
});

describe("help", () => {
  test("opens, scrolls and closes; other keys do nothing behind it", () => {
    expect(view("?").help).toBe(0);
    expect(view("? j j k").help).toBe(1);
    expect(view("? page-down").help).toBe(10);
    expect(view("? page-down page-down").help).toBe(facts.helpEnd);
    expect(view("? end k").help).toBe(facts.helpEnd - 1);
    expect(view("? page-down page-up page-up").help).toBe(0);
    expect(view("? end home").help).toBe(0);
    // The terminal has become higher meanwhile.
    const scrolled = view("? end");
    expect(play("k", { ...facts, helpEnd: 3 }, scrolled).view.help).toBe(2);
    for (const keys of ["? ?", "? escape", "? q"]) {
      expect(play(keys)).toMatchObject({ view: { help: null }, effects: [] });
    }
    expect(play("? p 3 t")).toMatchObject({ view: { help: 0, focus: "risk" }, effects: [] });
  });
});

describe("the table of keys", () => {
  test("gives every key one meaning", () => {
    const keys = dashboardKeys.flatMap((binding) => [...binding.keys]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("has the keys that other tools of its kind have taught", () => {
    const keys = new Set<string>(dashboardKeys.flatMap((binding) => [...binding.keys]));
    const wanted =
      "? q escape tab shift-tab 1 2 3 4 5 up down left right j k / p s e [ ] + - f t w ctrl-c";
    expect(wanted.split(" ").filter((key) => !keys.has(key))).toEqual([]);
  });
});

test("no sequence of keys leads out of what there is to see", () => {
  const keys = fc.constantFrom(...dashboardKeys.flatMap((binding) => [...binding.keys]), "y", "a");
  const anyFacts = fc.record({
    steps: fc.nat(50),
    tailRows: fc.nat(20),
    eventsEnd: fc.nat(20),
    prompt: fc.option(fc.nat(9)),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, anyFacts), { maxLength: 60 }), (played) => {
      let state = firstView;
      for (const [key, changed] of played) {
        state = afterKey(state, press(key), { ...facts, ...changed }).view;
        expect(state.selected).toBeGreaterThanOrEqual(0);
        expect(state.step ?? 0).toBeGreaterThanOrEqual(0);
        expect(state.eventsFrom ?? 0).toBeGreaterThanOrEqual(0);
        expect(state.whatIf.alpha ?? 1).toBeGreaterThan(0);
        expect(state.whatIf.alpha ?? 1).toBeLessThanOrEqual(1);
        expect(state.zoom).toBeLessThanOrEqual(3);
      }
    }),
  );
});
