/** Every message of docs/troubleshooting.md is one that the program has. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${root}docs/troubleshooting.md`, "utf8");

/** All sources as one text, with string literals that a line break divides joined again. */
const sources = ["src", "python/averse_worker"]
  .flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" }).map((name) =>
      join(root + folder, name),
    ),
  )
  .filter((path) => /\.(ts|tsx|mjs|py)$/.test(path))
  .map((path) => readFileSync(path, "utf8"))
  .join("\n")
  .replaceAll(/["'`]\s*\+?\s*\n\s*f?["'`]/g, "")
  .replaceAll('\\"', '"')
  .toLowerCase();

const messages = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, message]) => message!);

test("the page has messages", () => {
  expect(messages.length).toBeGreaterThan(50);
});

test.each(messages)("%s", (message) => {
  const parts = message.split("…").map((part) => part.trim().toLowerCase());
  expect(parts.filter((part) => !sources.includes(part))).toEqual([]);
});
