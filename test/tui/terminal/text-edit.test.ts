import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aroundCaret, edited, editOf, type TextEdit } from "../../../src/tui/terminal/text-edit.js";
import { presses } from "../launcher/launcher-fixture.js";

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
