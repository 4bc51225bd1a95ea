/** The worst rows of every arm, with their texts: read from the files once the rows are known. */
import { worstPlaces } from "../../audit/worst-rows.js";
import type { WorstRow } from "../../report/audit/audit-description.js";
import { visibleText } from "../../report/audit/audit-tables.js";
import { jsonText } from "../../tables/cell-key.js";
import { findColumn } from "../../tables/find-column.js";
import type { AuditOptions } from "./audit-options.js";
import type { Collected, CollectedArm, ReadTable } from "./collect-scores.js";

/** Of each arm, worst first. */
export async function worstRows(
  collected: Collected,
  options: Pick<AuditOptions, "worst" | "higherIsWorse" | "prompt" | "text" | "showText">,
): Promise<Record<string, WorstRow[]>> {
  const chosen = collected.arms.map((arm) => {
    const scores = options.higherIsWorse ? arm.scores.map((score) => -score) : arm.scores;
    return worstPlaces(scores, options.worst);
  });
  const wanted = collected.arms.flatMap((arm, at) => chosen[at]!.map((place) => arm.rows[place]!));
  const rows = [...new Set(wanted)].sort((a, b) => a - b);
  const prompts = await textsOf(collected.tables, options.prompt, rows);
  const texts = await textsOf(collected.tables, options.text, rows);
  const shown = (found: ReadonlyMap<number, string>, row: number): string | null => {
    const text = found.get(row);
    return text === undefined ? null : visibleText(text, options.showText);
  };
  const rowOf = (arm: CollectedArm, place: number): WorstRow => {
    const row = arm.rows[place]!;
    const { table, firstRow } = tableOf(collected.tables, row);
    return {
      file: table.file,
      row: row - firstRow + 1,
      score: arm.scores[place]!,
      prompt_score: arm.promptScores?.[place] ?? null,
      prompt: shown(prompts, row),
      text: shown(texts, row),
    };
  };
  return Object.fromEntries(
    collected.arms.map((arm, at) => [
      arm.source.name,
      chosen[at]!.map((place) => rowOf(arm, place)),
    ]),
  );
}

function tableOf(tables: readonly ReadTable[], row: number): ReadTable {
  return tables.find(({ firstRow, rows }) => row < firstRow + rows)!;
}

/** @param rows places among all rows, ascending */
async function textsOf(
  tables: readonly ReadTable[],
  column: string | undefined,
  rows: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const texts = new Map<number, string>();
  if (column === undefined) return texts;
  for (const { table, firstRow, rows: count } of tables) {
    const here = rows.filter((row) => row >= firstRow && row < firstRow + count);
    if (here.length === 0) continue;
    const cells = await table.cellsAt(
      findColumn(table, column),
      here.map((row) => row - firstRow + 1),
    );
    here.forEach((row, at) => {
      texts.set(row, textOf(cells[at]));
    });
  }
  return texts;
}

/** Chat messages as their contents, one after the other. */
function textOf(cell: unknown): string {
  if (typeof cell === "string") return cell;
  if (cell === null || cell === undefined) return "";
  if (Array.isArray(cell)) {
    const parts = cell.map((message: unknown) =>
      typeof message === "object" && message !== null && "content" in message
        ? `${"role" in message ? `${String(message.role)}: ` : ""}${textOf(message.content)}`
        : null,
    );
    if (parts.every((part) => part !== null)) return parts.join("\n");
  }
  return jsonText(cell);
}
