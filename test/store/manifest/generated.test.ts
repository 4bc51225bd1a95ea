/** What is generated from the manifest's schema is current; `npm run generate` writes it anew. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { manifestSchemaText } from "../../../src/store/manifest/schema.js";

test("configs/manifest.schema.json is current", async () => {
  const file = fileURLToPath(new URL("../../../configs/manifest.schema.json", import.meta.url));
  await expect(manifestSchemaText()).toMatchFileSnapshot(file);
});
