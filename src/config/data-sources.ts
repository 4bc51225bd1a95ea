/** The sources of `data`, and their names for people. */
import type { DataConfig } from "./schema/data.js";

export type SourceConfig = NonNullable<DataConfig["sources"]>[number];

/** Where the rows come from, in a line. */
export function dataName(data: DataConfig): string {
  return sourcesOf(data)
    .map(({ path, hub, weight }) => {
      const place = hub !== null ? `hub:${hub}` : placeName(path);
      return weight === null ? place : `${place} × ${weight}`;
    })
    .join(" + ");
}

/** Whether what ships with Averse is all there is. */
export function isBuiltinData(data: DataConfig): boolean {
  return sourcesOf(data).every(({ path, hub }) => hub === null && path === "builtin");
}

function placeName(path: SourceConfig["path"]): string {
  return typeof path === "object" && path !== null
    ? `${path.train}, ${path.test}`
    : (path ?? "nothing");
}

/** The only source, or those of the list, with what they leave to the keys beside it. */
export function sourcesOf(data: DataConfig): SourceConfig[] {
  const { path, hub, config, revision, columns, good, filter, split } = data;
  if (data.sources === null) {
    return [{ path, hub, config, revision, columns, good, filter, split, weight: null }];
  }
  return data.sources.map((source) => ({
    ...source,
    columns: source.columns ?? columns,
    good: source.good ?? good,
    filter: source.filter ?? filter,
    split: source.split ?? split,
  }));
}
