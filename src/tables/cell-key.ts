import { hash } from "node:crypto";

/** From so many bytes on, text is kept as its digest: a million prompts would fill the memory. */
const shortBytes = 24;

/**
 * The same for equal cells, another for others (132 bits of SHA-256 for long ones); null where a
 * cell is missing or empty. Chat messages and other objects count as their JSON.
 */
export function cellKey(cell: unknown): string | null {
  if (cell === null || cell === undefined || cell === "") return null;
  if (typeof cell === "string") {
    return cell.length < shortBytes && Buffer.byteLength(cell) < shortBytes
      ? `"${cell}`
      : `#${digest(cell)}`;
  }
  const text = jsonText(cell);
  return text.length < shortBytes ? `=${text}` : `{${digest(text)}`;
}

/** {@link cellKey} of a text, from its UTF-8 bytes. */
export function textKey(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return text.length < shortBytes ? `"${text.toString("utf8")}` : `#${digest(text)}`;
}

/** JSON that also knows whole numbers of 64 bits. */
export function jsonText(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part)) ??
    String(value)
  );
}

function digest(text: string | Buffer): string {
  return hash("sha256", text, "base64").slice(0, 22);
}
