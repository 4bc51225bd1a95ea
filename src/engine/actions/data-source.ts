/** `data` as a worker reads it: every shorthand written out. */
import { type SourceConfig, sourcesOf } from "../../config/data-sources.js";
import type { DataConfig } from "../../config/schema/data.js";
import type { Payload } from "../../protocol/messages.js";

export type DataSource = Payload<"load">["data"]["source"];
type DataPart = DataSource["parts"][number];
type Condition = DataPart["filter"][number];
type Good = NonNullable<DataConfig["good"]>;
type WrittenCondition = Extract<Good, { column: string }>;

/** Of the experiment, or of a stage that trains on data of its own. */
export function dataSourceOf(data: DataConfig): DataSource {
  const { split, limit, deduplicate, balance, max_overlap, template, truncate } = data;
  const limits = typeof limit === "number" ? { train: limit, test: limit } : limit;
  return {
    parts: sourcesOf(data).map(partOf),
    seed: typeof split === "object" ? (split?.seed ?? 0) : 0,
    deduplicate,
    balance,
    limit: { train: limits?.train ?? null, test: limits?.test ?? null },
    max_overlap,
    template,
    truncate,
  };
}

function partOf(source: SourceConfig): DataPart {
  const { path, hub, config, revision, weight, good, filter, split } = source;
  const named = typeof split === "object" && split !== null ? split : {};
  const { train, test } = named;
  const fraction = typeof split === "number" ? split : typeof test === "number" ? test : null;
  const columns = Object.entries(source.columns ?? {});
  return {
    place: hub !== null ? { kind: "hub", id: hub, config, revision } : placeOf(path),
    weight,
    columns:
      columns.length === 0
        ? null
        : Object.fromEntries(columns.filter((entry): entry is [string, string] => !!entry[1])),
    good: good === null ? null : goodOf(good),
    filter: filter === null ? [] : [filter].flat().map(conditionOf),
    split: {
      train: train ?? null,
      test: typeof test === "string" ? test : null,
      fraction,
    },
  };
}

function placeOf(path: SourceConfig["path"]): DataPart["place"] {
  if (path === "builtin" || path === null) return { kind: "builtin" };
  return typeof path === "string" ? { kind: "path", path } : { kind: "pair", ...path };
}

function goodOf(good: Good): Condition {
  if (typeof good === "object" && !Array.isArray(good)) return conditionOf(good);
  return { ...anything, values: [good].flat() };
}

const anything: Condition = {
  column: null,
  values: null,
  not_values: null,
  below: null,
  above: null,
};

function conditionOf({ column, is, not, below, above }: WrittenCondition): Condition {
  return {
    column,
    values: is === undefined ? null : [is].flat(),
    not_values: not === undefined ? null : [not].flat(),
    below: below ?? null,
    above: above ?? null,
  };
}
