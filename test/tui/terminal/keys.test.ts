import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TerminalInput } from "../../../src/tui/terminal/input.js";
import { type KeyPress, keyPresses } from "../../../src/tui/terminal/keys.js";
import { presses } from "../launcher/launcher-fixture.js";

const esc = "\u001b";

/** What a terminal sent, in these chunks and nothing after them. */
function keysOf(...chunks: readonly string[]): KeyPress[] {
  const input = new TerminalInput();
  const tokens = chunks.flatMap((chunk) => input.take(chunk));
  return [...tokens, ...input.settle()].flatMap(keyPresses);
}

const pasted = (text: string) => `${esc}[200~${text}${esc}[201~`;

describe("keys", () => {
  test("that come fast are keys of their own", () => {
    expect(keysOf("jjq")).toEqual(presses("j", "j", "q"));
    expect(keysOf("0.2\r")).toEqual(presses("text:0.2", "enter"));
    expect(keysOf("\u00152\u007f3\t\u0003")).toEqual(
      presses("ctrl-u", "2", "backspace", "3", "tab", "ctrl-c"),
    );
    expect(keysOf(`${esc}[B${esc}[Bq`)).toEqual(presses("down", "down", "q"));
  });

  test.each([
    [`${esc}[A`, "up"],
    [`${esc}OB`, "down"],
    [`${esc}[1;5C`, "right"],
    [`${esc}[D`, "left"],
    [`${esc}[H`, "home"],
    [`${esc}[1~`, "home"],
    [`${esc}OF`, "end"],
    [`${esc}[8~`, "end"],
    [`${esc}[5~`, "page-up"],
    [`${esc}[6;2~`, "page-down"],
    [`${esc}[Z`, "shift-tab"],
    [`${esc}[3~`, "backspace"],
    [`${esc}OM`, "enter"],
    [esc, "escape"],
    [`${esc}${esc}`, "escape", "escape"],
    [`${esc}${esc}[A`, "escape", "up"],
  ])("%j", (text, ...names) => {
    expect(keysOf(text)).toEqual(presses(...names));
  });

  test.each([
    ["Ctrl-F1", `${esc}[1;5P`],
    ["F1 of a Linux console", `${esc}[[A`],
    ["F13", `${esc}[25~`],
    ["the menu key with Ctrl", `${esc}[29;5~`],
    ["Alt-x", `${esc}x`],
    ["a colour", `${esc}[31m`],
    ["a mouse", `${esc}[<0;10;10M`],
    ["a place of the cursor", `${esc}[24;80R`],
    ["a word about the terminal", `${esc}[?62;4c`],
    ["a colour's answer", `${esc}]11;rgb:0000/0000/0000${esc}\\`],
    ["a title, ended by a bell", `${esc}]0;q\u0007`],
    ["a device string", `${esc}P1$r0m${esc}\\`],
    ["half a sequence", `${esc}[1;`],
  ])("%s is none, and is no text either", (_, text) => {
    expect(keysOf(text)).toEqual([]);
    expect(keysOf(`a${text.endsWith(";") ? "" : text}b`)).toEqual(presses("a", "b"));
  });

  test("are the same however a slow line cuts them", () => {
    const parts = ["a", `${esc}[1;5P`, `${esc}[B`, "é", pasted("x\ry"), `${esc}]0;q\u0007`, "q\r"];
    const whole = keysOf(parts.join(""));
    expect(whole).toHaveLength(6);
    fc.assert(
      fc.property(fc.array(fc.nat(parts.join("").length)), (cuts) => {
        const text = parts.join("");
        const places = [...new Set([0, ...cuts, text.length])].sort((a, b) => a - b);
        const chunks = places.slice(1).map((end, at) => text.slice(places[at], end));
        expect(keysOf(...chunks)).toEqual(whole);
      }),
    );
  });
});

describe("a paste", () => {
  test("is one line, in which nothing acts", () => {
    expect(keysOf(`/${pasted("bad words\rexit\tplease\r")}q`)).toEqual([
      ...presses("/"),
      { kind: "paste", text: "bad words exit please " },
      ...presses("q"),
    ]);
    expect(keysOf(pasted(`${esc}[31mred\u0003`))).toEqual([{ kind: "paste", text: "[31mred" }]);
    expect(keysOf(pasted("\u0003"))).toEqual([]);
  });

  test("has an end, however long it is", () => {
    const [press] = keysOf(...Array.from({ length: 50 }, () => "x".repeat(1_000)), "y");
    expect(press).toEqual(presses("x")[0]);
    const [long, after] = keysOf(
      `${esc}[200~`,
      ...Array.from({ length: 50 }, () => "x".repeat(1_000)),
      `${esc}[201`,
      "~j",
    );
    expect(long).toEqual({ kind: "paste", text: "x".repeat(10_000) });
    expect(after).toEqual(presses("j")[0]);
  });
});

test("nothing that a terminal would act on gets through", () => {
  expect(keysOf("\u0007\u202e\u0018x")).toEqual(presses("x"));
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), fc.boolean(), (texts, paste) => {
      for (const press of keysOf(...(paste ? texts.map(pasted) : texts))) {
        expect(press.kind === "named" || !/[\p{Cc}\p{Cf}]/u.test(press.text)).toBe(true);
      }
    }),
  );
});
