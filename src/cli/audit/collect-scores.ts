/** Reads the arms' columns out of their files, into arrays; what is no score is refused by its place. */
import { findColumn } from "../../tables/find-column.js";
import { finiteNumber } from "../../tables/finite-number.js";
import { openTable } from "../../tables/open-table.js";
import type { RequestedColumn, RowBatch, Table } from "../../tables/table.js";
import { safeText } from "../../text/safe-text.js";
import { UserError } from "../failure-text.js";
import type { ArmSource, AuditOptions } from "./audit-options.js";
import { growingFloats, growingIntegers } from "./growing-arrays.js";

export interface CollectedArm {
  readonly source: ArmSource;
  /** As they stand in the files. */
  readonly scores: Float64Array;
  readonly units: Int32Array;
  /** Place of each score's row among all rows of all files, from 0. */
  readonly rows: Int32Array;
  readonly promptScores: Float64Array | null;
  readonly returns: Float64Array | null;
  /** Rows left out with `--skip-invalid`. */
  readonly skipped: number;
}

export interface Collected {
  readonly arms: readonly CollectedArm[];
  readonly tables: readonly ReadTable[];
  /** Of all files. */
  readonly rows: number;
  /** Prompts; null: no column of prompts is given. */
  readonly prompts: number | null;
}

export interface ReadTable {
  readonly table: Table;
  /** Place of its first row among all rows. */
  readonly firstRow: number;
  readonly rows: number;
}

/** Row numbers and units are kept in 32 bits. */
const mostRows = 2 ** 31 - 1;

/** @param onProgress of one file, which has been read so far */
export async function collectScores(
  sources: readonly ArmSource[],
  options: AuditOptions,
  onProgress: (file: string, fraction: number) => void,
): Promise<Collected> {
  const arms = sources.map((source) => new ArmCollector(source, options));
  const files = [...new Set(sources.flatMap((source) => source.files))];
  const prompts = new Map<string, number>();
  const tables: ReadTable[] = [];
  let rows = 0;
  for (const file of files) {
    const table = await openTable(file, options.format ?? null);
    const firstRow = rows;
    const here = arms.filter(({ source }) => source.files.includes(file));
    const columns = new RequestedColumns(table);
    const places = here.map(({ source }) => ({
      score: columns.add(source.score, "value"),
      return: source.return === null ? null : columns.add(source.return, "value"),
    }));
    const prompt = options.prompt === undefined ? null : columns.add(options.prompt, "key");
    const promptScore =
      options.promptScore === undefined ? null : columns.add(options.promptScore, "value");
    const take = (batch: RowBatch): boolean => {
      if (rows + batch.rows > mostRows) throw new UserError("more than 2,147,483,647 rows.");
      const place = (at: number): string => placeText(file, batch, at);
      const cells = (column: number | null) => (column === null ? null : batch.cells[column]!);
      const units =
        prompt === null
          ? Int32Array.from({ length: batch.rows }, (_, at) => rows + at)
          : numbered(batch.cells[prompt]!, prompts);
      here.forEach((arm, which) => {
        arm.take({
          rows: batch.rows,
          firstRow: rows,
          scores: batch.cells[places[which]!.score]!,
          returns: cells(places[which]!.return),
          units,
          promptScores: cells(promptScore),
          place,
        });
      });
      rows += batch.rows;
      return true;
    };
    await table.read(columns.requested, take, (fraction) => onProgress(file, fraction));
    if (rows === firstRow) throw new UserError(`${file}: no rows below the header.`);
    tables.push({ table, firstRow, rows: rows - firstRow });
  }
  const collected = arms.map((arm) => arm.end());
  return {
    arms: collected,
    tables,
    rows,
    prompts: options.prompt === undefined ? null : distinctUnits(collected, prompts.size),
  };
}

const noPrompt = -1;

/** Numbers of the prompts by their keys, in the order in which they come; new ones are added. */
function numbered(keys: ArrayLike<unknown>, prompts: Map<string, number>): Int32Array {
  const units = new Int32Array(keys.length);
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at];
    if (typeof key !== "string") {
      units[at] = noPrompt;
      continue;
    }
    let unit = prompts.get(key);
    if (unit === undefined) {
      unit = prompts.size;
      prompts.set(key, unit);
    }
    units[at] = unit;
  }
  return units;
}

/** Prompts that an arm has a score of. */
function distinctUnits(arms: readonly CollectedArm[], highest: number): number {
  const present = new Uint8Array(highest);
  for (const { units } of arms) for (const unit of units) present[unit] = 1;
  return present.reduce((sum, one) => sum + one, 0);
}

/** A column that several arms want is read once. */
class RequestedColumns {
  readonly requested: RequestedColumn[] = [];
  readonly #places = new Map<string, number>();
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  add(name: string, as: RequestedColumn["as"]): number {
    const key = `${as} ${name}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.requested.length);
    return this.requested.push({ column: findColumn(this.#table, name), as }) - 1;
  }
}

function placeText(file: string, batch: RowBatch, at: number): string {
  const line = batch.lineOf(at);
  return `${file}, row ${batch.firstRow + at}${line === null ? "" : ` (line ${line})`}`;
}

interface ArmBatch {
  readonly rows: number;
  /** Place of the first among all rows. */
  readonly firstRow: number;
  readonly scores: ArrayLike<unknown>;
  readonly returns: ArrayLike<unknown> | null;
  /** The row itself, or its prompt; {@link noPrompt}: the cell is empty. */
  readonly units: Int32Array;
  readonly promptScores: ArrayLike<unknown> | null;
  readonly place: (at: number) => string;
}

class ArmCollector {
  readonly source: ArmSource;
  readonly #options: AuditOptions;
  readonly #scores = growingFloats();
  readonly #units = growingIntegers();
  readonly #rows = growingIntegers();
  readonly #promptScores = growingFloats();
  readonly #returns = growingFloats();
  #skipped = 0;

  constructor(source: ArmSource, options: AuditOptions) {
    this.source = source;
    this.#options = options;
  }

  take(batch: ArmBatch): void {
    for (let at = 0; at < batch.rows; at += 1) {
      const score = this.#number(batch, at, batch.scores, this.source.score);
      if (score === null) continue;
      const kept =
        batch.returns === null ? 0 : this.#number(batch, at, batch.returns, this.source.return!);
      if (kept === null) continue;
      const own =
        batch.promptScores === null
          ? 0
          : this.#number(batch, at, batch.promptScores, this.#options.promptScore!);
      if (own === null) continue;
      const unit = batch.units[at]!;
      if (unit === noPrompt) {
        this.#refuse(batch, at, this.#options.prompt!, "is missing or empty");
        continue;
      }
      this.#scores.push(score);
      this.#units.push(unit);
      this.#rows.push(batch.firstRow + at);
      if (batch.returns !== null) this.#returns.push(kept);
      if (batch.promptScores !== null) this.#promptScores.push(own);
    }
  }

  end(): CollectedArm {
    const { source } = this;
    if (this.#scores.length === 0) {
      throw new UserError(
        `${source.files.join(", ")}: no row has a valid score in column "${safeText(source.score)}".`,
      );
    }
    return {
      source,
      scores: this.#scores.end(),
      units: this.#units.end(),
      rows: this.#rows.end(),
      promptScores: this.#options.promptScore === undefined ? null : this.#promptScores.end(),
      returns: source.return === null ? null : this.#returns.end(),
      skipped: this.#skipped,
    };
  }

  #number(batch: ArmBatch, at: number, cells: ArrayLike<unknown>, column: string): number | null {
    const cell = cells[at];
    if (typeof cell === "number" && Number.isFinite(cell)) return cell;
    const found = finiteNumber(cell);
    return typeof found === "number" ? found : this.#refuse(batch, at, column, `is ${found}`);
  }

  #refuse(batch: ArmBatch, at: number, column: string, what: string): null {
    if (!this.#options.skipInvalid) {
      throw new UserError(
        `${batch.place(at)}: column "${safeText(column)}" ${what}. Mend the row, or use --skip-invalid ` +
          "to leave such rows out, counted.",
      );
    }
    this.#skipped += 1;
    return null;
  }
}
