import { afterEach, describe, expect, test, vi } from "vitest";
import type { RunCommand } from "../../../src/engine/commands.js";
import type { JournalEntry } from "../../../src/journal/event-head.js";
import {
  RunGoneError,
  type RunListener,
  type RunSource,
} from "../../../src/run-model/run-source.js";
import {
  type DashboardHandle,
  type DashboardOutcome,
  startDashboard,
} from "../../../src/tui/dashboard/dashboard.js";
import { eventually } from "../../eventually.js";
import { type Happened, journalOf, runStarted, started, stepped } from "../../run-model/journal.js";
import { Display, Keyboard } from "../terminal/fake-terminal.js";
import { experiment } from "./sample-scene.js";

const id = "ra-rlhf-s0";
const underWay: readonly Happened[] = [
  [0, null, runStarted(["rlhf-s0", id])],
  ...started(1, id),
  stepped(3, id, 0),
  stepped(5, id, 1),
];

class Run implements RunSource {
  readonly directory = "/runs/quickstart-1";
  readonly id = "quickstart-1";
  readonly experiment = experiment;
  readonly asked: RunCommand[] = [];
  refusal: string | null = null;
  listener: RunListener | null = null;
  #batches: (readonly JournalEntry[])[] = [];
  #journal = journalOf(underWay);

  /** Why reading fails. */
  unreadable: Error | null = null;

  constructor(
    public live: boolean,
    readonly foreground: boolean,
    public held = live,
  ) {
    this.#batches.push(this.#journal.entries);
  }

  /** Its controller goes, or another takes it up. */
  become(live: boolean): void {
    this.live = live;
    this.held = live;
    if (live) {
      this.listener!.journal();
    } else {
      this.listener!.closed();
    }
  }

  /** The journal grows, and the view hears of it. */
  grow(happened: readonly Happened[], firstSeq: number): void {
    this.#batches.push(journalOf(happened, firstSeq).entries);
    this.listener!.journal();
  }

  *read(): Generator<readonly JournalEntry[]> {
    if (this.unreadable !== null) {
      throw this.unreadable;
    }
    yield* this.#batches.splice(0);
  }

  event(entry: Pick<JournalEntry, "offset">) {
    return this.#journal.event(entry as JournalEntry);
  }

  episodes() {
    return { prompt: [5], reward: [0], kl: [0], return: [-1], length: [3], weight: [1] };
  }

  texts() {
    return [];
  }

  workerLog() {
    return [];
  }

  results() {
    return { evaluation: null, reports: [], problem: null };
  }

  listen(listener: RunListener): () => void {
    this.listener = listener;
    return () => {
      this.listener = null;
    };
  }

  async ask(command: RunCommand): Promise<string | null> {
    this.asked.push(command);
    return this.refusal;
  }
}

interface Opened {
  readonly run: Run;
  readonly keyboard: Keyboard;
  readonly display: Display;
  readonly dashboard: DashboardHandle;
  /** The frame, once it holds this. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
}

const opened: Opened[] = [];

async function open({
  live = true,
  foreground = false,
  ...options
}: {
  readonly live?: boolean;
  readonly foreground?: boolean;
  readonly now?: () => number;
  readonly onTaken?: (command: RunCommand) => void;
} = {}): Promise<Opened> {
  const run = new Run(live, foreground);
  const keyboard = new Keyboard();
  const display = new Display();
  const { stream: stdin } = keyboard;
  const { stream: stdout } = display;
  const dashboard = startDashboard(run, { stdin, stdout, color: true, unicode: true, ...options });
  const one: Opened = {
    run,
    keyboard,
    display,
    dashboard,
    shows: (text) => eventually(() => expect(display.shown).toMatch(text)),
    type: (keys) => keyboard.type(keys),
  };
  opened.push(one);
  // Keys typed before the components are there would wait in a real terminal.
  await eventually(() => expect(keyboard.isRead).toBe(true));
  one.type("1");
  return one;
}

afterEach(() => {
  for (const { dashboard } of opened.splice(0)) {
    dashboard.close();
  }
});

function settled({ dashboard }: Opened): Promise<DashboardOutcome> {
  return dashboard.outcome;
}

describe("a view of a run", () => {
  test("shows what the journal has, and what it gets", async () => {
    const { run, shows } = await open();
    await shows(/iteration 2\/60/);
    run.grow([stepped(7, id, 2), stepped(9, id, 3)], 50);
    await shows(/iteration 4\/60/);
  });

  test("shows progress as it is heard", async () => {
    const { run, shows } = await open();
    run.listener!.progress({
      kind: "progress",
      trial: id,
      phase: "sample",
      done: 3,
      total: 9,
      unit: "tokens",
      loss: null,
    });
    await shows(/sample.*3\/9 tokens/);
  });

  test("is left with q: the run is not asked for anything, the terminal is as it was", async () => {
    const view = await open();
    view.type("q");
    expect(await settled(view)).toBe("left");
    expect([view.run.asked, view.run.listener]).toEqual([[], null]);
    expect([view.display.isAsBefore, view.keyboard.isRaw]).toEqual([true, false]);
  });

  test("asks the run, and tells what it answered", async () => {
    const { run, type, shows } = await open();
    type("p");
    await shows("Pausing after the current");
    run.refusal = "the run is \u001b[2J paused already";
    type("p");
    await shows("not done: the run is ⟨U");
    expect(run.asked).toEqual(["pause", "pause"]);
  });

  test("says for some seconds what it was told, beside the keys, of a run that is over too", async () => {
    let now = 1000;
    const { display, type, shows } = await open({ live: false, now: () => now });
    type("p");
    await shows(/no controller is running.*takes an unfinished run up again/);
    now += 7;
    await shows("no controller is running");
    now += 2;
    await shows("? help  q leave  1-6 panel  f full  0 trials");
    expect(display.shown).not.toContain("no controller is running");
  });

  test("takes keys that come at once, one after the other", async () => {
    const { type, shows } = await open();
    type("5/ab\u007f");
    await shows("Filter events: a▏");
    type("\r?");
    await shows("Esc or ? closes this");
  });

  test("stays when the run is let go of, which is stopped then", async () => {
    const { run, shows, type } = await open();
    run.become(false);
    await shows("stopped");
    await shows("its controller died; `averse resume quickstart-1` continues");
    type("p");
    await shows("no controller is running");
    expect(run.asked).toEqual([]);
  });

  test("steers again once somebody has taken the run up: from the first event on, not before", async () => {
    for (const live of [true, false]) {
      const { run, shows, type, display } = await open({ live });
      if (live) {
        run.become(false);
      }
      await shows("◼ stopped");
      run.become(true);
      await shows("its controller died; the next one is starting");
      expect(display.shown).toContain("◼ stopped");
      const resumed = {
        type: "run_resumed",
        parallel: 1,
        cut_bytes: 0,
        from: { [id]: 2 },
      } as const;
      run.grow([[9, null, resumed]], 50);
      await shows("▶ running");
      type("p");
      await shows("Pausing after the current");
      expect(run.asked).toEqual(["pause"]);
    }
  });

  test("drops what it said of a command once the run says otherwise", async () => {
    const { run, shows, type, display } = await open();
    type("p");
    await shows("Pausing after the current");
    run.grow([[8, null, { type: "paused" }]], 50);
    await shows("‖ pausing");
    expect(display.shown).toContain("Pausing after the current");
    run.grow([[9, null, { type: "continued" }]], 51);
    await shows("▶ running");
    expect(display.shown).not.toContain("Pausing after the current");
  });

  test("says that the folder is gone, and goes on once it is back", async () => {
    const { run, shows, display } = await open();
    await shows(/iteration 2\/60/);
    run.unreadable = new RunGoneError("no such file");
    run.listener!.journal();
    await shows("folder is gone, deleted or moved: the view continues once it is back.");
    await shows("✗ unreadable");
    display.resize(60, 15);
    await shows("Its folder is gone: the view continues once it is back.");
    run.unreadable = null;
    await shows("▶ running");
    run.unreadable = new Error("the line at byte 7 is no event");
    run.listener!.journal();
    await shows("The journal cannot be read, and is tried again: the line");
  });

  test("whose controller is out of reach is not stopped", async () => {
    const { run, shows } = await open();
    run.live = false;
    run.listener!.closed();
    await shows("▶ running");
  });

  test("tells nothing of time left once it is over", async () => {
    const { run, shows, display } = await open();
    const done = { type: "run_finished", outcome: "done", message: "", seconds: 1 } as const;
    const finished = { type: "trial_finished", seconds: 1 } as const;
    run.grow(
      [
        [9, "rlhf-s0", finished],
        [9, id, finished],
        [9, null, done],
      ],
      50,
    );
    display.resize(60, 15);
    await shows("✓ done");
    await shows("9.0 s gone");
    expect(display.shown).not.toContain("left");
  });

  test("of a run that nobody runs says so", async () => {
    const { shows } = await open({ live: false });
    await shows("stopped");
  });

  test("follows the terminal's size", async () => {
    const { display, shows } = await open();
    await shows("raw reward");
    display.resize(60, 15);
    await eventually(() => expect(display.shown).not.toContain("raw reward"));
    expect(display.shown.split("\n").length).toBeLessThanOrEqual(14);
  });

  test("ends with its terminal", async () => {
    const view = await open();
    view.display.emit("error", new Error("EIO"));
    expect(await settled(view)).toBe("left");
  });
});

describe("a run in the foreground", () => {
  test("is stopped by Ctrl-C and aborted by the second; the view stays to its end", async () => {
    const view = await open({ foreground: true });
    view.type("\u0003");
    await view.shows("Stopping after the current iterations");
    view.type("\u0003");
    await view.shows("Aborting");
    expect(view.run.asked).toEqual(["stop", "abort"]);
    view.run.listener!.closed();
    expect(await settled(view)).toBe("ended");
  });

  test("tells its caller what the run took of what it asked", async () => {
    const taken: RunCommand[] = [];
    const { run, type, shows } = await open({
      foreground: true,
      onTaken: (one) => taken.push(one),
    });
    run.refusal = "it is saved already";
    type("s");
    await shows("not done: it is saved already");
    run.refusal = null;
    type("\u0003");
    await shows("Stopping after the current iterations");
    expect(taken).toEqual(["stop"]);
  });

  test("is stopped by two Ctrl-C that come as one", async () => {
    const view = await open({ foreground: true });
    view.type("\u0003\u0003");
    await eventually(() => expect(view.run.asked).toEqual(["stop", "abort"]));
  });

  test("is left after a question, and stops", async () => {
    const view = await open({ foreground: true });
    view.type("q");
    await view.shows("Leaving stops the run");
    view.type("y");
    expect(await settled(view)).toBe("stop-asked");
    expect(view.run.asked).toEqual(["stop"]);
  });

  test("does not end with its view's fault: the outcome tells of it", async () => {
    const view = await open({ foreground: true });
    vi.spyOn(view.display, "write").mockImplementationOnce(() => {
      throw new Error("odd");
    });
    const outcome = settled(view);
    view.run.grow([stepped(7, id, 2)], 50);
    await expect(outcome).rejects.toThrow("odd");
    expect(view.display.isAsBefore).toBe(true);
  });

  test("is spared a fault in what it tells the view, and in the view's clock", async () => {
    const failing = await open({ foreground: true });
    const outcome = settled(failing);
    const odd = {
      kind: "progress",
      phase: "sample",
      done: 0,
      total: 0,
      unit: "",
      loss: null,
    } as const;
    const { listener } = failing.run;
    listener!.progress({
      ...odd,
      get trial(): string {
        throw new Error("odd progress");
      },
    });
    await expect(outcome).rejects.toThrow("odd progress");
    expect(failing.display.isAsBefore).toBe(true);
    let broken = false;
    const now = () => {
      if (broken) {
        throw new Error("odd clock");
      }
      return 1000;
    };
    const ticking = await open({ foreground: true, now });
    await ticking.shows(/iteration 2\/60/);
    const end = settled(ticking);
    broken = true;
    await expect(end).rejects.toThrow("odd clock");
  });

  test("is ended by a fault that was found elsewhere, once", async () => {
    const view = await open({ foreground: true });
    const outcome = settled(view);
    expect(view.dashboard.fail(new Error("odd"))).toBe(true);
    await expect(outcome).rejects.toThrow("odd");
    expect(view.dashboard.fail(new Error("odd again"))).toBe(false);
    expect(view.display.isAsBefore).toBe(true);
  });

  test("says what its caller has to say without tearing the frame", async () => {
    const { dashboard, shows } = await open({ foreground: true });
    dashboard.note("worker said\nsomething");
    await shows("worker said⏎something");
  });
});

test("many news cost few frames", async () => {
  const { run, display, shows } = await open();
  await shows(/iteration 2\/60/);
  const before = display.writes.length;
  for (let step = 2; step < 52; step += 1) {
    run.grow([stepped(step, id, step)], 50 + step);
  }
  await shows(/iteration 52\/60/);
  expect(display.writes.length - before).toBeLessThan(6);
});
