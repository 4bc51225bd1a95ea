/** The comparison screen: runs that were marked, as a table or as curves. Pure. */

import type { KeyPress } from "../key-press.js";
import { actionOf } from "../key-table.js";
import { compareKeys } from "./compare-keys.js";
import { type ComparedArmRow, comparedRows } from "./compared-rows.js";
import type { ComparedRun } from "./compared-run.js";

export interface CompareState {
  /** null: being read. */
  readonly runs: readonly ComparedRun[] | null;
  readonly rows: readonly ComparedArmRow[];
  /** Row that the others are compared with. */
  readonly reference: number;
  readonly view: "table" | "curves";
  /** Row whose curve stands out. */
  readonly highlight: number;
  /** Lines of the table above the window. */
  readonly scroll: number;
}

export type CompareWish = { readonly kind: "back" | "quit" | "help" };

export interface CompareStep {
  readonly state: CompareState;
  readonly wish: CompareWish | null;
}

export const loadingComparison: CompareState = {
  runs: null,
  rows: [],
  reference: 0,
  view: "table",
  highlight: 0,
  scroll: 0,
};

export function withComparison(state: CompareState, runs: readonly ComparedRun[]): CompareState {
  return { ...state, runs, rows: comparedRows(runs), reference: 0, highlight: 0, scroll: 0 };
}

const page = 10;

/**
 * In the table keys scroll; among the curves they choose the one that stands out.
 *
 * @param mostScroll lines that the table is longer than its window
 */
export function afterCompareKey(
  state: CompareState,
  key: KeyPress,
  mostScroll: number,
): CompareStep {
  const by = (count: number): CompareStep => ({
    state:
      state.view === "table"
        ? { ...state, scroll: Math.min(mostScroll, Math.max(0, state.scroll + count)) }
        : {
            ...state,
            highlight: Math.max(0, Math.min(state.rows.length - 1, state.highlight + count)),
          },
    wish: null,
  });
  switch (actionOf(compareKeys, key)) {
    case "up":
      return by(-1);
    case "down":
      return by(1);
    case "page-up":
      return by(-page);
    case "page-down":
      return by(page);
    case "first":
      return by(Number.NEGATIVE_INFINITY);
    case "last":
      return by(Number.POSITIVE_INFINITY);
    case "view":
      return {
        state: { ...state, view: state.view === "table" ? "curves" : "table" },
        wish: null,
      };
    case "reference": {
      const reference = (state.reference + 1) % Math.max(1, state.rows.length);
      return { state: { ...state, reference, scroll: 0 }, wish: null };
    }
    case "back":
      return { state, wish: { kind: "back" } };
    case "help":
      return { state, wish: { kind: "help" } };
    case "quit":
      return { state, wish: { kind: "quit" } };
    case null:
      return { state, wish: null };
  }
}
