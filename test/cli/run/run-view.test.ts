import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { isFaultOfView } from "../../../src/cli/run/run-view.js";
import { dashboardHints } from "../../../src/tui/dashboard/keys.js";
import { firstView } from "../../../src/tui/dashboard/view-state.js";

function thrownBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function withStack(frame: string): Error {
  const error = new Error("odd");
  error.stack = `Error: odd\n    at ${frame}`;
  return error;
}

test("a fault is the view's where its stack leads through the view", () => {
  const facts = { stopsWithView: false, stopping: false };
  const broken = { ...firstView, overview: false, focus: "nowhere" as never };
  const thrown = thrownBy(() => dashboardHints(broken, facts, { unicode: true, color: false }));
  expect(isFaultOfView(thrown)).toBe(true);
});

test.each([
  ["Ink", "App.render (file:///a/node_modules/ink/build/components/App.js:1:1)", true],
  ["React", "work (/a/node_modules/react-reconciler/cjs/react-reconciler.production.js:1:1)", true],
  ["the keys", "TTY.onStreamRead (node:internal/stream_base_commons:191:23)", true],
  ["a worker's socket", "receive (file:///a/dist/worker/transport/connection.js:1:1)", false],
  ["a library of a like name", "draw (/a/node_modules/ink-like/index.js:1:1)", false],
])("a fault of %s", (_, frame, ofView) => {
  expect(isFaultOfView(withStack(frame))).toBe(ofView);
});

test("what is thrown elsewhere, or is no error, is not the view's", () => {
  const emitter = new EventEmitter();
  emitter.on("news", () => {
    throw new Error("odd");
  });
  expect(isFaultOfView(thrownBy(() => emitter.emit("news")))).toBe(false);
  expect(isFaultOfView("odd")).toBe(false);
});
