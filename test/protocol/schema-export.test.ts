import { expect, test } from "vitest";
import { protocolSchema, protocolSchemaText } from "../../src/protocol/schema-export.js";

/** After a change of messages.ts: `npx vitest run --config test/vitest.config.ts -u schema-export`. */
test("the committed schema.json is what messages.ts generates", async () => {
  await expect(protocolSchemaText()).toMatchFileSnapshot("../../src/protocol/schema.json");
});

test("a binary array is a string with the format of its numbers", () => {
  expect(protocolSchema()).toMatchObject({
    protocol: 8,
    commands: {
      rollout: {
        payload: { properties: { prompts: { type: "string", format: "uint32-le" } } },
        result: { properties: { return: { type: "string", format: "float32-le" } } },
      },
      update: {
        payload: {
          properties: {
            advantages: { anyOf: [{ type: "string", format: "float32-le" }, { type: "null" }] },
          },
        },
      },
    },
  });
});
