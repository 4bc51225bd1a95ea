/** Texts of files, models and errors as this terminal can show them. */

import { safeText } from "../../text/safe-text.js";
import { displayWidth } from "../../text/width.js";

/** Harmless, on one line, and without a sign that the terminal does not have. */
export function plainText(text: string, { unicode }: { readonly unicode: boolean }): string {
  const safe = safeText(text);
  return unicode ? safe : asciiText(safe);
}

/** Known signs by their names, all others as question marks, as many as they are wide. */
function asciiText(text: string): string {
  return ascii.test(text)
    ? text
    : Array.from(text, (sign) =>
        ascii.test(sign) ? sign : (named[sign] ?? "?".repeat(displayWidth(sign))),
      ).join("");
}

const ascii = /^[\x20-\x7e]*$/;

const named: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  λ: "lambda",
  ρ: "rho",
  σ: "sigma",
  "⌈": "ceil(",
  "⌉": ")",
  "·": ".",
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
  "⏎": "/",
  "“": '"',
  "”": '"',
  "’": "'",
  "₀": "0",
  "₁": "1",
};
