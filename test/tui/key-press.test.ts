import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type InkKey, keyPresses } from "../../src/tui/key-press.js";
import { presses } from "./launcher/launcher-fixture.js";

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
