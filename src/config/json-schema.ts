/**
 * The experiment file's JSON Schema for editors (completion, hover, red lines), written to
 * configs/experiment.schema.json. Files name it in their first line:
 * `# yaml-language-server: $schema=../experiment.schema.json`.
 */
import { formattedJson } from "../text/json.js";
import { armPresets } from "./arms.js";
import { secondNames } from "./names/second-names.js";
import { shortSections, shortStageKeys } from "./names/shorthands.js";
import { experimentJsonSchema, type SchemaNode } from "./reference.js";
import { armSections } from "./schema/experiment.js";
import { armNamePattern } from "./schema/fields.js";
import { trackerNames } from "./tracker-names.js";

export function editorSchema(): SchemaNode {
  const { $schema, $defs, ...schema } = experimentJsonSchema();
  const properties = withSecondNames(schema.properties ?? {});
  return {
    $schema,
    title: "Averse experiment",
    ...schema,
    properties: {
      ...withShortForms(properties, shortSections),
      trackers: trackersNode(properties.trackers ?? {}),
      stages: stagesNode(properties.stages ?? {}),
      arms: armsNode(properties),
    },
    $defs: { ...($defs as Record<string, SchemaNode> | undefined), arm: armNode(properties) },
  };
}

/** Second names of keys, which editors strike through. */
function withSecondNames(properties: Readonly<Record<string, SchemaNode>>) {
  const changed = Object.entries(secondNames).map(([second, first]): [string, SchemaNode] => {
    const [section = "", name = ""] = second.split(".");
    const node = properties[section] ?? {};
    const { default: _, description: __, ...own } = node.properties?.[first.split(".")[1]!] ?? {};
    const description = `the same key as ${first}`;
    const alias = { [name]: { description, deprecated: true, ...own } };
    return [section, { ...node, properties: { ...node.properties, ...alias } }];
  });
  return { ...properties, ...Object.fromEntries(changed) };
}

/** Sections, or keys of a stage, that may also be a text (`data: builtin`). */
function withShortForms(
  properties: Readonly<Record<string, SchemaNode>>,
  short: readonly string[],
) {
  const nodes = Object.entries(properties).map(([section, node]): [string, SchemaNode] => {
    if (!short.includes(section)) return [section, node];
    const { description, default: fallback, ...whole } = node;
    return [
      section,
      {
        ...(description === undefined ? {} : { description }),
        ...(fallback === undefined ? {} : { default: fallback }),
        anyOf: [whole, { type: "string", minLength: 1 }],
      },
    ];
  });
  return Object.fromEntries(nodes);
}

/** A tracker may be its name alone, in a list or as the only one. */
function trackersNode(node: SchemaNode): SchemaNode {
  const names = { enum: [...trackerNames] };
  const ways = (node.anyOf ?? []).map((one) =>
    one.items === undefined ? one : { ...one, items: { anyOf: [one.items, names] } },
  );
  return { ...node, anyOf: [...ways, names] };
}

function stagesNode(node: SchemaNode): SchemaNode {
  const stage = node.additionalProperties as SchemaNode | undefined;
  if (stage?.properties === undefined) return node;
  const properties = withShortForms(stage.properties, shortStageKeys);
  return { ...node, additionalProperties: { ...stage, properties } };
}

/** zod sees an arm's changes as any map, since they are checked after merging; editors can do better. */
function armNode(properties: Readonly<Record<string, SchemaNode>>): SchemaNode {
  return {
    type: ["object", "null"],
    properties: Object.fromEntries(
      Object.keys(armSections).map((name) => [name, withoutDefaults(properties[name] ?? {})]),
    ),
    additionalProperties: false,
  };
}

function armsNode(properties: Readonly<Record<string, SchemaNode>>): SchemaNode {
  const changes: SchemaNode = { $ref: "#/$defs/arm" };
  const { description, default: selection } = properties.arms ?? {};
  const presets = Object.entries(armPresets);
  return {
    ...(description === undefined ? {} : { description }),
    default: selection,
    anyOf: [
      {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: { enum: presets.map(([name]) => name) },
      },
      {
        type: "object",
        minProperties: 1,
        properties: Object.fromEntries(
          presets.map(([name, preset]) => [name, { description: preset.description, ...changes }]),
        ),
        patternProperties: { [armNamePattern.source]: changes },
        additionalProperties: false,
      },
    ],
  };
}

/** An arm's key that is left out is the experiment's, not the default. */
function withoutDefaults(node: SchemaNode): SchemaNode {
  const { default: _, ...rest } = node;
  const { properties, anyOf } = rest;
  if (properties === undefined) {
    return anyOf === undefined ? rest : { ...rest, anyOf: anyOf.map(withoutDefaults) };
  }
  const inner = Object.entries(properties).map(([key, child]) => [key, withoutDefaults(child)]);
  return { ...rest, properties: Object.fromEntries(inner) };
}

export function editorSchemaText(): string {
  return formattedJson(editorSchema());
}
