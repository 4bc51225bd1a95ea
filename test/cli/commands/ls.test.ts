/** `averse ls`, as a table: on a terminal no line is wider than it, elsewhere nothing is lost. */
import { expect, test } from "vitest";
import { ls } from "../../../src/cli/commands/ls.js";
import { displayWidth } from "../../../src/text/width.js";
import { smallExperiment } from "../../engine/experiments.js";
import { newRun, temporaryFolder } from "../../store/folders.js";

const purpose = `${"目的 ".repeat(60)}end`;

test.each([
  [true, 80],
  [true, 200],
  [false, 80],
])("a long purpose, terminal %s, %i columns", async (isTty, columns) => {
  const runsFolder = temporaryFolder();
  newRun({ experiment: { ...smallExperiment(), purpose }, runsFolder });
  const out: string[] = [];
  const terminal = {
    out: (text: string) => out.push(text),
    err: (text: string) => expect(text).toBe(""),
    ...{ isTty, hasScreen: isTty, columns, color: false, unicode: true },
  };
  expect(await ls({ runs: runsFolder, json: false }, terminal)).toBe(0);
  const lines = out.join("\n").split("\n");
  expect(lines).toHaveLength(2);
  const widest = Math.max(...lines.map(displayWidth));
  if (isTty) {
    expect(widest).toBeLessThanOrEqual(columns);
    expect(lines[1]).toMatch(/…$/);
  } else {
    expect(lines[1]).toContain(purpose);
  }
});
