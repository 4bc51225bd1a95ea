import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { enterScreen, type TerminalScreenOptions } from "../../../src/tui/terminal/screen.js";
import { eventually } from "../../eventually.js";
import { Display, Keyboard } from "./fake-terminal.js";

class World extends EventEmitter {
  readonly pid = 7;
  readonly killed: unknown[] = [];

  kill(pid: number, signal: string): boolean {
    this.killed.push([pid, signal, this.listenerCount(signal)]);
    return true;
  }
}

function open(changes: Partial<TerminalScreenOptions> = {}) {
  const world = new World();
  const keyboard = new Keyboard();
  const display = new Display();
  const told: string[] = [];
  const screen = enterScreen({
    stdin: keyboard.stream,
    stdout: display.stream,
    endsOnSignals: true,
    onDisturbed: () => told.push("disturbed"),
    onLost: () => told.push("lost"),
    process: world as unknown as NodeJS.Process,
    ...changes,
  });
  return { world, keyboard, display, told, screen };
}

describe("the alternate screen", () => {
  test("is entered with the cursor hidden, lines not wrapped and keys not echoed", () => {
    const { display, keyboard } = open();
    const { alternate, cursor, wraps } = display;
    expect({ alternate, cursor, wraps, raw: keyboard.isRaw }).toEqual({
      alternate: true,
      cursor: false,
      wraps: false,
      raw: true,
    });
  });

  test("shows the rows that were drawn last, and nothing of longer ones before", () => {
    const { display, screen } = open();
    screen.draw(["one", "two", "three"]);
    screen.draw(["one", "2"]);
    expect(display.shown).toBe("one\n2\n");
  });

  test("writes rows that changed and no others", () => {
    const { display, screen } = open();
    screen.draw(["one", "two", "three"]);
    const before = display.writes.length;
    screen.draw(["one", "TWO", "three"]);
    const [write, ...more] = display.writes.slice(before);
    expect(more).toEqual([]);
    expect(write).toContain("TWO");
    expect(write).not.toMatch(/one|three/);
    screen.draw(["one", "TWO", "three"]);
    expect(display.writes).toHaveLength(before + 1);
  });

  test("is written whole after a resize", () => {
    const { display, screen, told } = open();
    screen.draw(["one", "two"]);
    display.resize(60, 15);
    expect(told).toEqual(["disturbed"]);
    expect(screen.size()).toEqual({ columns: 60, rows: 15 });
    screen.draw(["one", "two"]);
    expect(display.writes.at(-1)).toMatch(/one.*two/s);
  });

  test("is entered anew when the process goes on after Ctrl-Z", () => {
    const { display, screen, world, told } = open();
    screen.draw(["one"]);
    display.write("\u001b[?1049l\u001b[?25h");
    world.emit("SIGCONT");
    screen.draw(["one"]);
    expect(told).toEqual(["disturbed"]);
    expect([display.alternate, display.cursor, display.shown]).toEqual([true, false, "one"]);
  });
});

describe("the terminal is as it was", () => {
  test("after leaving, and nothing more is drawn", () => {
    const { display, keyboard, screen, world } = open();
    screen.draw(["one"]);
    screen.leave();
    expect([display.isAsBefore, keyboard.isRaw]).toEqual([true, false]);
    const written = display.writes.length;
    screen.draw(["two"]);
    screen.leave();
    expect(display.writes).toHaveLength(written);
    expect(world.eventNames()).toEqual([]);
  });

  test("after the process's end, however it came", () => {
    const { display, keyboard, world } = open();
    world.emit("exit", 1);
    expect([display.isAsBefore, keyboard.isRaw]).toEqual([true, false]);
  });

  test.each(["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"])(
    "after %s, which does its work then",
    (signal) => {
      const { display, world } = open();
      world.emit(signal, signal);
      expect(display.isAsBefore).toBe(true);
      expect(world.killed).toEqual([[7, signal, 0]]);
    },
  );

  test("but a signal that asks a run to stop leaves the view where it is", () => {
    const { display, world } = open({ endsOnSignals: false });
    world.emit("SIGTERM", "SIGTERM");
    expect([display.alternate, world.killed]).toEqual([true, []]);
  });
});

describe("a terminal that is gone", () => {
  test("is told of once, is not written to any more, and does not end the process", () => {
    const { display, keyboard, screen, told } = open();
    const failure = new Error("EIO");
    display.emit("error", failure);
    keyboard.emit("error", failure);
    expect(told).toEqual(["lost"]);
    const written = display.writes.length;
    screen.draw(["one"]);
    screen.leave();
    expect(display.writes).toHaveLength(written);
    // What was written last fails later.
    expect(() => display.emit("error", failure)).not.toThrow();
  });

  test("suspends: the shell gets the terminal, and the view has it again afterwards", async () => {
    const { world, keyboard, display, screen, told } = open();
    screen.draw(["one"]);
    screen.suspend();
    // A frame that comes now would stand on the shell's screen.
    screen.draw(["two"]);
    expect([display.isAsBefore, keyboard.isRaw]).toEqual([true, false]);
    expect(world.killed).toEqual([[7, "SIGTSTP", 0]]);
    await eventually(() => expect(told).toContain("disturbed"));
    expect([display.alternate, keyboard.isRaw]).toEqual([true, true]);
    screen.draw(["one"]);
    expect(display.shown).toBe("one");
  });
});
