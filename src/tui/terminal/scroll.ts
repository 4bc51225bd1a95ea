/** Which rows of a list are in view. */

export interface ScrollState {
  readonly count: number;
  /** Index of the row that has to be in view; null: none has to. */
  readonly selected: number | null;
  /** First row wanted at the top. */
  readonly offset: number;
  /** Rows that fit. */
  readonly room: number;
}

/** First row to show: the wanted one, moved no further than needed. */
export function firstRow({ count, selected, offset, room }: ScrollState): number {
  const last = Math.max(0, count - Math.max(0, room));
  const wanted = Math.max(0, Math.min(last, Math.trunc(offset) || 0));
  if (selected === null || count === 0 || room < 1) {
    return wanted;
  }
  const row = clampedRow(selected, count);
  return Math.max(row - room + 1, Math.min(wanted, row));
}

/** The nearest row that there is; 0 of none. */
export function clampedRow(row: number, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.trunc(row) || 0));
}
