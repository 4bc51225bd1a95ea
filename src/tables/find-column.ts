import { nearestName } from "../text/nearest-name.js";
import { safeText } from "../text/safe-text.js";
import type { ColumnPlace, Table } from "./table.js";
import { TableError } from "./table-error.js";

const mostNamed = 20;

/**
 * The column of that name; else the field of a column, as in `prompt.toxicity` or `scores.0`.
 *
 * @throws {TableError} there is none, or two columns have the name
 */
export function findColumn(table: Table, name: string): ColumnPlace {
  const { file, columns, fields, rowsLookedAt } = table;
  const same = columns.filter((column) => column === name).length;
  if (same > 1) {
    throw new TableError(
      `${file}: ${same} columns are called ${quoted(name)}; rename all but the one that is meant.`,
    );
  }
  if (same === 1) return { column: name, path: [] };
  const parts = name.split(".");
  for (let taken = parts.length - 1; taken > 0; taken -= 1) {
    const column = parts.slice(0, taken).join(".");
    if (columns.includes(column)) return { column, path: parts.slice(taken) };
  }
  const known = [...columns, ...fields];
  const nearest = nearestNames(name, known);
  const meant = nearest.length === 0 ? "" : ` Did you mean ${nearest.map(quoted).join(" or ")}?`;
  const where =
    rowsLookedAt === null
      ? ""
      : rowsLookedAt === 1
        ? " in its first row"
        : ` in its first ${rowsLookedAt} rows`;
  throw new TableError(
    `${file}: no column ${quoted(name)}${where}.${meant} Its columns are ${listed(known)}.`,
  );
}

function nearestNames(name: string, columns: readonly string[]): string[] {
  const nearest = nearestName(name, columns);
  const bare = name.toLowerCase();
  const containing = columns.filter(
    (column) => bare.length > 2 && column.toLowerCase().includes(bare),
  );
  return [...new Set([...(nearest === null ? [] : [nearest]), ...containing])].slice(0, 3);
}

function listed(columns: readonly string[]): string {
  const named = columns.slice(0, mostNamed).map(quoted).join(", ");
  const more = columns.length - mostNamed;
  return more > 0 ? `${named} and ${more} more` : named;
}

function quoted(name: string): string {
  const shown = safeText(name);
  return `"${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}"`;
}
