/** docs/journal.md is current, and leaves nothing without words; `npm run generate` writes it anew. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { eventNodes, journalPage, ownFields, typeOf } from "./journal-page.js";

const page = fileURLToPath(new URL("../../docs/journal.md", import.meta.url));

test("docs/journal.md is current", async () => {
  await expect(journalPage()).toMatchFileSnapshot(page);
});

test("every event and every field says what it means", () => {
  const silent = eventNodes().flatMap((node) => [
    ...(node.description ? [] : [typeOf(node)]),
    ...ownFields(node).flatMap(({ path, meaning }) =>
      meaning === "" ? [`${typeOf(node)}.${path}`] : [],
    ),
  ]);
  expect(silent).toEqual([]);
});
