import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { type StopRequest, stopSignals } from "../../../src/cli/run/stop-signals.js";

function stage() {
  const source = new EventEmitter();
  const asked: StopRequest[] = [];
  let now = 0;
  const signals = stopSignals(
    (how) => asked.push(how),
    source,
    () => now,
  );
  const press = (afterMs: number) => {
    now += afterMs;
    source.emit("SIGINT");
  };
  return { source, asked, signals, press };
}

describe("stop signals", () => {
  test("Ctrl-C once stops, twice aborts, more changes nothing", () => {
    const { asked, signals, press } = stage();
    press(1000);
    expect([signals.stop.aborted, signals.abort.aborted]).toEqual([true, false]);
    press(1000);
    expect([signals.stop.aborted, signals.abort.aborted]).toEqual([true, true]);
    press(1000);
    expect(asked).toEqual(["after-step", "now"]);
  });

  test("the end of a terminal is a request to a run that has one, and nothing to others", () => {
    const { source, asked } = stage();
    source.emit("SIGHUP");
    expect(asked).toEqual(["after-step"]);
    const none: StopRequest[] = [];
    const detached = new EventEmitter();
    stopSignals(
      (how) => none.push(how),
      detached,
      () => 0,
      false,
    );
    // Heard all the same: unheard, it would end the process.
    expect(detached.emit("SIGHUP")).toBe(true);
    expect(none).toEqual([]);
    detached.emit("SIGTERM");
    expect(none).toEqual(["after-step"]);
  });

  test("a Ctrl-C that arrives twice at once is one", () => {
    const { asked, press } = stage();
    press(1000);
    press(3);
    press(200);
    expect(asked).toEqual(["after-step"]);
    press(300);
    expect(asked).toEqual(["after-step", "now"]);
  });

  test.each(["SIGTERM", "SIGHUP"])("%s stops, however often", (name) => {
    const { asked, signals, source } = stage();
    source.emit(name);
    source.emit(name);
    expect(asked).toEqual(["after-step"]);
    expect(signals.abort.aborted).toBe(false);
  });

  test("Ctrl-C after SIGTERM aborts", () => {
    const { asked, source, press } = stage();
    source.emit("SIGTERM");
    press(1000);
    expect(asked).toEqual(["after-step", "now"]);
  });

  test("gives the signals back", () => {
    const { signals, source } = stage();
    signals.dispose();
    expect(source.eventNames()).toEqual([]);
  });
});
