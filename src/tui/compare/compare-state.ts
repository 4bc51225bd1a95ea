/** The comparison screen: runs that were marked, as a table or as curves. Pure. */

import { actionOf, scrolledBy } from "../terminal/key-table.js";
import type { KeyPress } from "../terminal/keys.js";
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

export type CompareRequest = { readonly kind: "back" | "quit" | "help" };

export interface CompareStep {
  readonly state: CompareState;
  readonly request: CompareRequest | null;
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
  const action = actionOf(compareKeys, key);
  const by = scrolledBy(action);
  if (by !== null) {
    return only(
      state.view === "table"
        ? { ...state, scroll: Math.min(mostScroll, Math.max(0, state.scroll + by)) }
        : {
            ...state,
            highlight: Math.max(0, Math.min(state.rows.length - 1, state.highlight + by)),
          },
    );
  }
  switch (action) {
    case "view":
      return only({ ...state, view: state.view === "table" ? "curves" : "table" });
    case "reference": {
      const reference = (state.reference + 1) % Math.max(1, state.rows.length);
      return only({ ...state, reference, scroll: 0 });
    }
    case "back":
    case "help":
    case "quit":
      return { state, request: { kind: action } };
    default:
      return only(state);
  }
}

function only(state: CompareState): CompareStep {
  return { state, request: null };
}
