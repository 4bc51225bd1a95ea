/** docs/journal.md: every event of the journal and every field of it, from the schema. */
import { z } from "zod";
import { eventPayload, journalEvent } from "../../src/journal/events.js";

/** What is read of JSON Schema, as zod writes it. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

const introduction = `<!-- Generated from src/journal/events.ts by \`npm run generate\`: do not edit. -->
# The journal

\`journal.jsonl\` in a run's folder is the run: one event a line, in the order in which they happened, each on disk
before the controller goes on. Everything else (reports, plots, the terminal, \`averse show\`) is read from it
alone. \`averse run --json\` prints the same lines.

- A line is a JSON object. Its last key is \`checksum\`: the first 32 hex digits of the SHA-256 of the checksum of the
  line before and the bytes of this line up to that key. So every line vouches for all before it, and
  \`averse verify\` checks them.
- A torn last line of a controller that was killed is cut off when the run is resumed (\`run_resumed.cut_bytes\`).
  Work that is done again after a crash has its events twice: the later one counts, and has the same figures.
- Figures that are not finite are null. KL is in nats, seconds are of the wall clock, bytes are bytes.
- With a batch of over 4,096 episodes the arrays of a step lie in a binary file beside the journal, which \`episodes\`
  names with its digest.

\`name?\` may be absent. \`{…}.x\` is a field of every entry of a map, \`[…].x\` of every entry of a list.
`;

/** An event and its own fields. */
export function eventNodes(): SchemaNode[] {
  return [...(schemaOf(eventPayload).oneOf ?? [])];
}

export function journalPage(): string {
  const nodes = eventNodes();
  const [first] = schemaOf(journalEvent).oneOf ?? [];
  const own = new Set(Object.keys(nodes[0]?.properties ?? {}));
  const stamps = Object.entries(first?.properties ?? {}).filter(([key]) => !own.has(key));
  return [
    introduction,
    "## Every event\n",
    table([
      { path: "type", type: "text", meaning: "which event it is" },
      ...stamps.flatMap(([key, node]) => fieldsOf(key, node, true)),
      { path: "checksum", type: "text", meaning: "of this line and all before it" },
    ]),
    ...nodes.flatMap((node) => [
      `\n## ${typeOf(node)}\n`,
      `${sentence(node.description ?? "")}\n`,
      ...ownTable(node),
    ]),
    "",
  ].join("\n");
}

export function typeOf(node: SchemaNode): string {
  return String(node.properties?.type?.const);
}

interface Field {
  readonly path: string;
  readonly type: string;
  readonly meaning: string;
}

/** Of an event, its `type` left out; all that lies below a field follows it. */
export function ownFields(node: SchemaNode): Field[] {
  return Object.entries(node.properties ?? {})
    .filter(([key]) => key !== "type")
    .flatMap(([key, field]) => fieldsOf(key, field, node.required?.includes(key) ?? false));
}

function fieldsOf(path: string, node: SchemaNode, required: boolean): Field[] {
  const below = (branches(node) as SchemaNode[]).flatMap((branch) => belowOf(path, branch));
  const meaning = node.description ?? branches(node).find((one) => one.description)?.description;
  return [
    { path: required ? path : `${path}?`, type: typeText(node), meaning: meaning ?? "" },
    ...below,
  ];
}

function belowOf(path: string, node: SchemaNode): Field[] {
  const { items, additionalProperties, properties = {}, required = [] } = node;
  if (items !== undefined) return branches(items).flatMap((one) => belowOf(`${path}[…]`, one));
  if (typeof additionalProperties === "object") {
    return branches(additionalProperties).flatMap((one) => belowOf(`${path}{…}`, one));
  }
  return Object.entries(properties).flatMap(([key, field]) =>
    fieldsOf(`${path}.${key}`, field, required.includes(key)),
  );
}

function branches(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? [node];
}

function typeText(node: SchemaNode): string {
  return [...new Set(branches(node).map(plainType))].join(" or ");
}

const typeWords: Readonly<Record<string, string>> = { string: "text", boolean: "true or false" };

function plainType(node: SchemaNode): string {
  const { type, items, additionalProperties } = node;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map((one) => JSON.stringify(one)).join(", ");
  if (node.anyOf !== undefined) return typeText(node);
  if (type === "array") return `list of ${items === undefined ? "anything" : typeText(items)}`;
  if (type === "object") {
    return typeof additionalProperties === "object"
      ? `map to ${typeText(additionalProperties)}`
      : "object";
  }
  const types = typeof type === "string" ? [type] : (type ?? []);
  return types.map((one) => typeWords[one] ?? one).join(" or ") || "anything";
}

function ownTable(node: SchemaNode): string[] {
  const fields = ownFields(node);
  return fields.length === 0 ? [] : [table(fields)];
}

function table(fields: readonly Field[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "| field | type | meaning |",
    "|---|---|---|",
    ...fields.map(
      ({ path, type, meaning }) => `| \`${path}\` | ${cell(type)} | ${cell(meaning)} |`,
    ),
  ].join("\n");
}

function sentence(text: string): string {
  return text === "" ? "" : `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function schemaOf(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: "output", reused: "inline" }) as SchemaNode;
}
