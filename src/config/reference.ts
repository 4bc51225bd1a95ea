/**
 * Every configuration key with its type, range, default and meaning, read from the schema: error
 * messages, docs/configuration.md and `averse config explain` all draw on this one list.
 */
import { z } from "zod";
import { isIndex } from "./key-path.js";
import { experimentSchema } from "./schema/experiment.js";

type KeyKind = "text" | "number" | "integer" | "boolean" | "choice" | "list" | "map" | "mixed";

export interface KeyReference {
  /** `risk.alpha` */
  readonly key: string;
  readonly kind: KeyKind;
  readonly nullable: boolean;
  /** "a number over 0, at most 1" */
  readonly expected: string;
  /** "0 < x ≤ 1"; empty where every value of the kind will do. */
  readonly range: string;
  /** Of a choice; empty otherwise. */
  readonly choices: readonly string[];
  /** What each choice means, as far as that is written down; empty otherwise. */
  readonly meanings: readonly string[];
  /** undefined: the key must be given. */
  readonly default: unknown;
  readonly description: string;
}

/** The part of JSON Schema that zod writes for our keys. */
export interface SchemaNode {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  /** As editors show them; one for each choice. */
  enumDescriptions?: string[];
  anyOf?: SchemaNode[];
  items?: SchemaNode;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: unknown;
  description?: string;
  /** What is expected, in words, where the types alone do not tell. */
  expected?: string;
  [other: string]: unknown;
}

export const experimentJsonSchema = (): SchemaNode =>
  z.toJSONSchema(experimentSchema, { io: "input" }) as SchemaNode;

const required = new Set(experimentJsonSchema().required ?? []);

/** Lists whose elements' keys have entries of their own; those of other maps are told in one line. */
const listed = ["evaluation.judges", "kl.schedule"];

/** Maps in a section whose keys have entries of their own. */
export const nestedMaps: readonly string[] = [
  "risk.adaptive",
  "evaluation.toxicity",
  "evaluation.fluency",
  "evaluation.capability",
  "evaluation.certificates",
];

/** Of a list of maps, the keys of each: `evaluation.judges.label` stands for all its elements'. */
export const keyReferences: readonly KeyReference[] = Object.entries(
  experimentJsonSchema().properties ?? {},
).flatMap(([key, node]) => {
  const keys = keysOf(node);
  return keys === null
    ? [reference(key, node)]
    : Object.entries(keys).flatMap(([child, inner]) => withKeys(`${key}.${child}`, inner));
});

const byKey = new Map(keyReferences.map((entry) => [entry.key, entry]));

/** Names of the sections: `policy`, `reward`, … */
export const sectionNames: readonly string[] = [
  ...new Set(keyReferences.flatMap(({ key }) => (key.includes(".") ? [key.split(".")[0]!] : []))),
];

/** Lists of maps in a section: `evaluation.judges`. */
export const mapLists: readonly string[] = [
  ...new Set(
    keyReferences.flatMap(({ key }) =>
      key.split(".").length > 2 ? [key.slice(0, key.lastIndexOf("."))] : [],
    ),
  ),
].filter((key) => listed.includes(key));

/** Sections that may be a list of maps, too: `reward`. */
export const listSections: readonly string[] = Object.entries(
  experimentJsonSchema().properties ?? {},
).flatMap(([key, node]) =>
  node.anyOf?.some((one) => one.items?.properties !== undefined) ? [key] : [],
);

export function keyReference(key: string): KeyReference | null {
  return byKey.get(key) ?? null;
}

/** Of a path into a list the key of its elements: `reward.0.weight` is `reward.weight`. */
export function keyReferenceAt(path: readonly string[]): KeyReference | null {
  return keyReference(path.filter((part) => !isIndex(part)).join("."));
}

/** The keys of a map, or of the maps in a list; null: it is neither. */
function keysOf(node: SchemaNode): Record<string, SchemaNode> | null {
  const ways = [node, ...(node.anyOf ?? [])];
  const maps = [...ways, ...ways.flatMap(({ items }) => (items === undefined ? [] : [items]))];
  return maps.find(({ properties }) => properties !== undefined)?.properties ?? null;
}

function withKeys(key: string, node: SchemaNode): KeyReference[] {
  const inside = [...listed, ...nestedMaps].includes(key) ? Object.entries(keysOf(node) ?? {}) : [];
  return [
    reference(key, node),
    ...inside.map(([child, inner]) => reference(`${key}.${child}`, inner)),
  ];
}

function reference(key: string, whole: SchemaNode): KeyReference {
  const node = withoutNull(whole);
  const types = [node.type ?? []].flat();
  const kind = kindOf(node, types);
  const nullable = acceptsNull(whole);
  const expected = `${node.expected ?? expectedText(key, kind, node)}${nullable ? ", or null" : ""}`;
  return {
    key,
    kind,
    nullable,
    expected,
    range: kind === "choice" ? choices(node).join(", ") : (node.expected ?? rangeText(node)),
    choices: kind === "choice" ? choices(node) : [],
    meanings: node.enumDescriptions ?? [],
    default: required.has(key) ? undefined : node.default,
    description: node.description ?? "",
  };
}

function acceptsNull({ type, anyOf = [] }: SchemaNode): boolean {
  return [type ?? []].flat().includes("null") || anyOf.some((one) => one.type === "null");
}

/** zod writes what may be null as one of two: the value, or null. */
function withoutNull(node: SchemaNode): SchemaNode {
  const values = node.anyOf?.filter((one) => one.type !== "null") ?? [];
  const { anyOf, ...rest } = node;
  return values.length === 1 && anyOf?.length === 2 ? withoutNull({ ...values[0], ...rest }) : node;
}

function kindOf(node: SchemaNode, types: readonly string[]): KeyKind {
  if (node.enum !== undefined || node.anyOf?.every((one) => one.const !== undefined))
    return "choice";
  const forms = node.anyOf?.filter((one) => one.type !== "null") ?? [];
  const isList = (one: SchemaNode) => one.type === "array" || one.type === "object";
  if (types.includes("array")) return "list";
  if (forms.some((one) => one.type === "array") && forms.every(isList)) return "list";
  if (forms.length > 1) return "mixed";
  if (types.includes("object")) return "map";
  if (types.includes("integer")) return "integer";
  if (types.includes("number")) return "number";
  return types.includes("boolean") ? "boolean" : "text";
}

function choices(node: SchemaNode): string[] {
  return (node.enum ?? node.anyOf?.map((one) => one.const) ?? []).map(String);
}

function expectedText(key: string, kind: KeyKind, node: SchemaNode): string {
  if (kind === "choice") return `one of ${choices(node).join(", ")}`;
  if (kind === "boolean") return "true or false";
  if (key === "arms") return "a list of known arms, or a map from arm to the keys it changes";
  if (kind === "list") return listExpected(node);
  if (kind === "map") return "a map from names to values";
  if (kind === "text") return textExpected(key, node);
  return `a ${kind === "integer" ? "whole " : ""}number ${boundsText(node)}`.trimEnd();
}

function listExpected({ items = {} }: SchemaNode): string {
  if (items.properties !== undefined) return "a list of maps";
  if (items.type === "string") return "a list of texts";
  return `a list of whole numbers ${boundsText(items)}`.trimEnd();
}

function textExpected(key: string, node: SchemaNode): string {
  if (key === "name")
    return "lower-case letters, digits, '.', '_' and '-', at most 64, a letter or digit first";
  if (key === "backend.device") return "auto, cpu, mps, cuda, or cuda:N for the N-th GPU";
  return node.maxLength === undefined ? "text" : `text of at most ${node.maxLength} characters`;
}

/** zod bounds every integer by what a double can count to; that bound tells a user nothing. */
function maximumOf(node: SchemaNode): number | undefined {
  return node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
}

function boundsText(node: SchemaNode): string {
  const parts: string[] = [];
  if (node.exclusiveMinimum !== undefined) parts.push(`over ${node.exclusiveMinimum}`);
  if (node.minimum !== undefined) parts.push(`at least ${node.minimum}`);
  if (node.exclusiveMaximum !== undefined) parts.push(`under ${node.exclusiveMaximum}`);
  const maximum = maximumOf(node);
  if (maximum !== undefined) parts.push(`at most ${maximum}`);
  return parts.join(" and ");
}

function rangeText(node: SchemaNode): string {
  const bounded = node.items ?? node;
  const low =
    bounded.exclusiveMinimum !== undefined
      ? `> ${bounded.exclusiveMinimum}`
      : bounded.minimum !== undefined
        ? `≥ ${bounded.minimum}`
        : "";
  const maximum = maximumOf(bounded);
  const high =
    bounded.exclusiveMaximum !== undefined
      ? `< ${bounded.exclusiveMaximum}`
      : maximum !== undefined
        ? `≤ ${maximum}`
        : "";
  return [low, high].filter((part) => part !== "").join(", ");
}
