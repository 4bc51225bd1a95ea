import xterm from "@xterm/headless";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskText, safeText } from "../../src/text/safe-text.js";
import { displayWidth } from "../../src/text/width.js";

const dangerous = /[\p{Cc}\p{Cf}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\p{Cs}]/u;

/** Every code point is as likely as another, halves of surrogate pairs among them. */
const anything = fc
  .array(fc.oneof(fc.nat(0x10ffff), fc.nat(0x2fff)))
  .map((codes) => String.fromCodePoint(...codes));

describe("safeText", () => {
  test.each([
    ["plain text – ü 漢 😀", "plain text – ü 漢 😀"],
    ["a\u001b[31mred", "a⟨U+001B⟩[31mred"],
    ["bell\u0007", "bell⟨U+0007⟩"],
    ["csi\u009b2J", "csi⟨U+009B⟩2J"],
    ["right\u202eleft", "right⟨U+202E⟩left"],
    ["one\r\ntwo\tthree", "one⟨U+000D⟩⏎two three"],
    ["half \ud83d", "half ⟨U+D83D⟩"],
  ])("%j becomes %j", (text, safe) => {
    expect(safeText(text)).toBe(safe);
  });

  test("keeps line feeds only when asked", () => {
    expect(safeText("a\nb", { multiline: true })).toBe("a\nb");
    expect(safeText("a\nb")).toBe("a⏎b");
  });

  test("lets nothing dangerous through, whatever comes", () => {
    fc.assert(fc.property(anything, (text) => !dangerous.test(safeText(text))));
  });

  test("shows every format character, so that any terminal gives it the cells that are counted", async () => {
    const formats = Array.from({ length: 0x110000 }, (_, code) => code).filter(
      (code) => (code < 0xd800 || code > 0xdfff) && /\p{Cf}/u.test(String.fromCodePoint(code)),
    );
    expect(formats).toContain(0xad);
    const terminal = new xterm.Terminal({ cols: 80, rows: 2, allowProposedApi: true });
    for (const code of formats) {
      const hex = code.toString(16).toUpperCase().padStart(4, "0");
      const safe = safeText(`a${String.fromCodePoint(code)}b`);
      expect(safe).toBe(`a⟨U+${hex}⟩b`);
      await new Promise<void>((done) => terminal.write(`\r${safe}`, done));
      expect(terminal.buffer.active.cursorX, hex).toBe(displayWidth(safe));
    }
    terminal.dispose();
  });

  test("does nothing to its own output", () => {
    fc.assert(
      fc.property(anything, (text) => {
        const once = safeText(text);
        return safeText(once) === once;
      }),
    );
  });
});

describe("maskText", () => {
  test("keeps first letters, lengths and punctuation", () => {
    expect(maskText("An awful, awful film (2009)!")).toBe("A· a····, a···· f··· (2···)!");
  });

  test("shows at most one letter of any word", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        (text) => !/[\p{L}\p{N}]{2}/u.test(maskText(text)),
      ),
    );
  });
});
