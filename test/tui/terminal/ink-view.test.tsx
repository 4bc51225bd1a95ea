import { useState } from "react";
import { describe, expect, test } from "vitest";
import { mountTree } from "../../../src/tui/terminal/ink-view.js";
import { Lines } from "../../../src/tui/terminal/lines.js";
import type { TerminalScreen } from "../../../src/tui/terminal/screen.js";
import { useKeys } from "../../../src/tui/terminal/terminal-context.js";
import { eventually } from "../../eventually.js";
import { rich } from "../drawn.js";

const key = { kind: "character", text: "x" } as const;

function Counter({ onKey }: { readonly onKey: () => void }) {
  const [count, setCount] = useState(0);
  useKeys(() => {
    onKey();
    setCount(count + 1);
  });
  if (count === 3) throw new Error("odd component");
  return <Lines lines={[[{ text: `count ${count}` }]]} width={20} height={1} />;
}

function mounted(onKey: () => void, draw: (rows: readonly string[]) => void = () => {}) {
  const faults: unknown[] = [];
  const frames: string[] = [];
  const screen = {
    size: () => ({ columns: 20, rows: 5 }),
    draw: (rows: readonly string[]) => {
      draw(rows);
      frames.push(rows.join("\n"));
    },
  } as unknown as TerminalScreen;
  const tree = <Counter onKey={onKey} />;
  const view = mountTree(tree, screen, rich, (error) => faults.push(error));
  return { view, faults, frames };
}

describe("a component tree on a screen", () => {
  test("hears of keys, and its newest frame is drawn", async () => {
    const { view, frames, faults } = mounted(() => {});
    await eventually(() => expect(frames.at(-1)).toBe("count 0"));
    view.press(key);
    await eventually(() => expect(frames.at(-1)).toBe("count 1"));
    expect(faults).toEqual([]);
    view.leave();
  });

  test.each([
    [
      "a key's handler",
      () =>
        mounted(() => {
          throw new Error("odd key");
        }),
      "odd key",
    ],
    [
      "the terminal",
      () =>
        mounted(
          () => {},
          () => {
            throw new Error("odd write");
          },
        ),
      "odd write",
    ],
  ])("tells of a fault of %s, and the next tree works", async (_, mount, words) => {
    const { view, faults } = mount();
    view.press(key);
    await eventually(() => expect(String(faults[0])).toContain(words));
    view.leave();
    const next = mounted(() => {});
    await eventually(() => expect(next.frames.at(-1)).toBe("count 0"));
    next.view.leave();
  });

  test("tells of a fault of a component", async () => {
    const { view, faults, frames } = mounted(() => {});
    for (const count of [1, 2]) {
      view.press(key);
      await eventually(() => expect(frames.at(-1)).toBe(`count ${count}`));
    }
    view.press(key);
    await eventually(() => expect(String(faults[0])).toContain("odd component"));
    view.leave();
  });
});
