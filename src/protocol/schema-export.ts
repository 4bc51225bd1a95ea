/**
 * The protocol as JSON Schema. `schema.json` beside this file is its committed output: the worker's
 * test compares its msgspec structs with it, and ours that it is what this module generates.
 */
import { z } from "zod";
import {
  commands,
  failure,
  hello,
  PROTOCOL_VERSION,
  progress,
  reply,
  request,
} from "./messages.js";

const envelopes = { request, hello, reply, failure, progress };

/**
 * JSON Schema has no byte strings: "any" lets the metadata of a binary array stand alone, which is
 * a string whose `format` names its numbers.
 */
function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { unrepresentable: "any" });
  return rest;
}

/** Every envelope and every command's payload and result, as one JSON document. */
export function protocolSchema(): object {
  return {
    protocol: PROTOCOL_VERSION,
    envelopes: Object.fromEntries(
      Object.entries(envelopes).map(([name, schema]) => [name, jsonSchema(schema)]),
    ),
    commands: Object.fromEntries(
      Object.entries(commands).map(([name, { payload, result }]) => [
        name,
        { payload: jsonSchema(payload), result: jsonSchema(result) },
      ]),
    ),
  };
}

/** The text of `schema.json`. */
export function protocolSchemaText(): string {
  return `${JSON.stringify(protocolSchema(), null, 2)}\n`;
}
