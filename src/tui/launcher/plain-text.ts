/** Texts of files and errors as this terminal can show them. */
import { safeText } from "../../text/safe-text.js";
import type { ViewStyle } from "../line.js";

/** Harmless, on one line, and without a sign that the terminal does not have. */
export function plainText(text: string, { unicode }: Pick<ViewStyle, "unicode">): string {
  return unicode ? safeText(text) : asciiText(safeText(text));
}

/** Known signs by their names, all others as `?`. */
export function asciiText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text)
    ? text
    : Array.from(text, (sign) => (/[\x20-\x7e]/.test(sign) ? sign : (named[sign] ?? "?"))).join("");
}

const named: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  λ: "lambda",
  ρ: "rho",
  σ: "sigma",
  "⌈": "ceil(",
  "⌉": ")",
  "·": "*",
  "×": "x",
  "−": "-",
  "–": "-",
  "—": "-",
  "…": "...",
  "≤": "<=",
  "≥": ">=",
  "→": "->",
  "⟨": "<",
  "⟩": ">",
  "⏎": " ",
  "“": '"',
  "”": '"',
  "’": "'",
  "₀": "0",
  "₁": "1",
};
