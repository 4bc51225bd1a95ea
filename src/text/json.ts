/** JSON texts that depend on the value alone. */

/** The same text for the same value, whatever order its keys were written in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

const lineWidth = 100;

/**
 * JSON as the repository's formatter writes it: maps over lines, lists of scalars in one if they
 * fit, a line feed at the end.
 */
export function formattedJson(value: unknown): string {
  return `${jsonText(value, "", "")}\n`;
}

function jsonText(value: unknown, indent: string, before: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    if (indent.length + before.length + line.length < lineWidth) return line;
  }
  const parts = Array.isArray(value)
    ? value.map((item) => jsonText(item, inner, ""))
    : Object.entries(value).map(([key, item]) => {
        const name = `${JSON.stringify(key)}: `;
        return `${name}${jsonText(item, inner, name)}`;
      });
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}
