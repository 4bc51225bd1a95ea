import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type InkKey, keyPresses } from "../../../src/tui/launcher/key-press.js";
import { aroundCaret, edited, editOf, type TextEdit } from "../../../src/tui/launcher/text-edit.js";
import { presses } from "./launcher-fixture.js";

function typed(text: string, ...keys: string[]): TextEdit {
  return presses(...keys).reduce((edit, key) => edited(edit, key) ?? edit, editOf(text));
}

describe("an editor", () => {
  test.each([
    ["0.4", ["backspace", "2"], "0.2"],
    ["0.4", ["left", "left", "backspace", "1"], "1.4"],
    ["0.4", ["home", "-"], "-0.4"],
    ["0.4", ["home", "backspace", "end", "5"], "0.45"],
    ["0.4", ["ctrl-u", "text:abc"], "abc"],
    ["👩‍👩‍👧é", ["left", "backspace"], "é"],
  ])("of %s after %j", (text, keys, result) => {
    expect(typed(text, ...keys).text).toBe(result);
  });

  test("leaves keys that are not its own", () => {
    expect(edited(editOf("a"), { kind: "named", name: "enter" })).toBeNull();
  });

  test("never loses the caret, and cuts no character", () => {
    const key = fc.oneof(
      fc.constantFrom("left", "right", "home", "end", "backspace"),
      fc.constantFrom("a", "é", "漢", "👍🏽"),
    );
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        const edit = keys.reduce<TextEdit>((now, one) => {
          const press = presses(one)[0]!;
          const text = one.length <= 4 && press.kind === "character" ? one : "";
          const next = text === "" ? press : { kind: "character" as const, text };
          return edited(now, next) ?? now;
        }, editOf(""));
        expect(aroundCaret(edit).join("")).toBe(edit.text);
        expect(Buffer.from(edit.text).toString()).toBe(edit.text);
      }),
    );
  });
});

const none: InkKey = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageUp: false,
  pageDown: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  tab: false,
  shift: false,
  backspace: false,
  delete: false,
  ctrl: false,
  meta: false,
};

describe("what Ink tells", () => {
  test("keys that come fast are keys of their own", () => {
    expect(keyPresses("jjq", none)).toEqual(presses("j", "j", "q"));
    expect(keyPresses("0.2\r", none)).toEqual(presses("text:0.2", "enter"));
    expect(keyPresses("\u00152\u007f3\t\u0003", none)).toEqual(
      presses("ctrl-u", "2", "backspace", "3", "tab", "ctrl-c"),
    );
  });

  test("named keys", () => {
    expect(keyPresses("", { ...none, tab: true, shift: true })).toEqual(presses("shift-tab"));
    expect(keyPresses("", { ...none, delete: true })).toEqual(presses("backspace"));
    expect(keyPresses("c", { ...none, ctrl: true })).toEqual(presses("ctrl-c"));
    expect(keyPresses("", { ...none, escape: true, meta: true })).toEqual(presses("escape"));
  });

  test("nothing that a terminal would act on gets through", () => {
    expect(keyPresses("\u001b[2J\u0007\u202e", none)).toEqual(presses("text:[2J"));
    expect(keyPresses("x", { ...none, ctrl: true })).toEqual([]);
    expect(keyPresses("x", { ...none, meta: true })).toEqual([]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const press of keyPresses(text, none)) {
          expect(press.kind === "named" || !/[\p{Cc}\p{Cf}]/u.test(press.text)).toBe(true);
        }
      }),
    );
  });
});
