import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { startProgressView } from "../../src/tui/progress-view.js";
import { finished, planned, started, step } from "./observations.js";

/** Enough of a terminal for Ink, and everything that was written to it. */
class FakeTerminal extends EventEmitter {
  readonly isTTY = true;
  readonly columns = 80;
  readonly rows = 24;
  text = "";
  write(chunk: string): boolean {
    this.text += chunk;
    return true;
  }
}

// Ink draws nothing where it takes the place for a build server; it looks when it is loaded.
process.env.CI = "false";

const escapeCode = String.fromCharCode(27);

function open(terminal: FakeTerminal, now: () => number) {
  return startProgressView({
    stdout: terminal as unknown as NodeJS.WriteStream,
    name: "quickstart",
    trials: planned,
    parallel: 2,
    color: false,
    unicode: true,
    now,
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("startProgressView", () => {
  test("draws what it is told, and gives the terminal back", async () => {
    const terminal = new FakeTerminal();
    let now = 0;
    const view = open(terminal, () => now);
    view.observe(started("rlhf-s0"));
    now = 3;
    view.observe(step("rlhf-s0", 0));
    await until(() => terminal.text.includes("step 1/60"));
    view.observe(finished("rlhf-s0"));
    await view.stop();
    await view.stop();
    expect(terminal.text).toContain("✓ rlhf-s0 done in 3.0 s");
    expect(terminal.text.lastIndexOf(`${escapeCode}[?25h`)).toBeGreaterThan(
      terminal.text.lastIndexOf(`${escapeCode}[?25l`),
    );
    const after = terminal.text;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(terminal.text).toBe(after);
  });

  test("stopped before it could draw leaves nothing behind", async () => {
    const terminal = new FakeTerminal();
    await open(terminal, () => 0).stop();
    expect(terminal.text).toBe("");
  });

  test("prints lines above the frame", async () => {
    const terminal = new FakeTerminal();
    const view = open(terminal, () => 0);
    await until(() => terminal.text.includes("quickstart"));
    view.print("a warning from elsewhere");
    await view.stop();
    expect(terminal.text).toContain("a warning from elsewhere\n");
    expect(terminal.text.indexOf("a warning")).toBeLessThan(
      terminal.text.lastIndexOf("quickstart"),
    );
  });
});
