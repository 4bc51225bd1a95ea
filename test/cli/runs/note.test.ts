/** `averse note` in words. */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { note } from "../../../src/cli/runs/note.js";
import { newRun } from "../../store/folders.js";

test("a run without notes says so, and how to note; one with notes shows them alone", () => {
  const { directory } = newRun();
  const told = (changes: { tag?: string[]; untag?: string[] }): string => {
    const out: string[] = [];
    const options = { tag: [], untag: [], runs: "runs", json: false, ...changes };
    const terminal = {
      out: (text: string) => out.push(text),
      err: (text: string) => expect(text).toBe(""),
      ...{ isTty: false, hasScreen: false, columns: 80, color: false, unicode: true },
    };
    expect(note(directory, options, terminal)).toBe(0);
    return out.join("\n");
  };
  const run = `run    ${basename(directory)}`;
  const nothing =
    `${run}\nNothing is noted yet. Add a title, tags or a note: ` +
    `averse note ${directory} --title TEXT --tag TAG --text TEXT`;
  expect(told({})).toBe(nothing);
  expect(told({ tag: ["keep"] })).toBe(`${run}\ntags   keep`);
  expect(told({ untag: ["keep"] })).toBe(nothing);
});
