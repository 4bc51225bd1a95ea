import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { useReducer } from "react";
import { expect, test } from "vitest";
import { mountTree } from "../../../src/tui/terminal/ink-view.js";
import { Lines } from "../../../src/tui/terminal/lines.js";
import type { TerminalScreen } from "../../../src/tui/terminal/screen.js";
import { useKeys } from "../../../src/tui/terminal/terminal-context.js";
import { eventually } from "../../eventually.js";
import { ascii, drawn, rich } from "../drawn.js";

const size = { columns: 100, rows: 30 };

function line(text: string) {
  return [[{ text }]];
}

test("are cut to their rectangle, and give the terminal neither orders nor signs that it lacks", () => {
  const lines = [...line("\u001b[2Jone\ttwo"), ...line("α → 漢字".repeat(9)), ...line("three")];
  const box = <Lines lines={lines} width={20} height={2} />;
  expect(drawn(box, size, rich)).toBe("⟨U+001B⟩[2Jone two\nα → 漢字α → 漢字α →…");
  expect(drawn(box, size, ascii)).toBe("<U+001B>[2Jone two\nalpha -> ????alpha ~");
});

/** Draws itself anew whenever it is asked to, never the same. */
function Ticking({ drawn: frames }: { readonly drawn: { count: number } }) {
  frames.count += 1;
  const lines = Array.from({ length: 29 }, (_, row) => [
    { text: `${frames.count}.${row} `.repeat(12), bold: row % 2 === 0 },
  ]);
  const [, again] = useReducer((count: number) => count + 1, 0);
  useKeys(again);
  return <Lines lines={lines} width={100} height={29} />;
}

test("leave nothing behind in Ink, however many have been drawn", async () => {
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  const heap = (): number => {
    gc();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const frames = { count: 0 };
  const screen = { size: () => size, draw: () => {} } as unknown as TerminalScreen;
  const view = mountTree(<Ticking drawn={frames} />, screen, rich, () => {});
  const draw = async (until: number): Promise<void> => {
    while (frames.count < until) {
      const before = frames.count;
      view.press({ kind: "character", text: "x" });
      await eventually(() => expect(frames.count).toBeGreaterThan(before));
    }
  };
  await draw(50);
  const before = heap();
  await draw(450);
  // With Ink's own <Text> each frame leaves its 3 kB in two caches.
  expect(heap() - before).toBeLessThan(1);
  view.leave();
});
