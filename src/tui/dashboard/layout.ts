/** Where each panel lies on a terminal of a given size. Pure. */
import type { Size } from "../terminal/line.js";
import type { TerminalSize } from "../terminal/terminal-context.js";
import { type PanelId, panelIds, type ViewState } from "./view-state.js";

/** A panel's place in a row of panels; its first line is its title's. */
export interface Place {
  readonly panel: PanelId;
  readonly width: number;
  /** Panels that take turns here, in their order, this one among them; empty: it has the place alone. */
  readonly turns: readonly PanelId[];
}

/** Panels side by side, a column between them. */
export interface PanelRow {
  /** Lines, titles in. */
  readonly height: number;
  readonly places: readonly Place[];
}

export interface Layout {
  readonly headerRows: number;
  readonly phaseRows: number;
  readonly rows: readonly PanelRow[];
}

type Chosen = Pick<ViewState, "overview" | "focus" | "below" | "bottom" | "full" | "history">;

/** Below these there is room for one panel, for three, and for five. */
const threePanels = { columns: 76, lines: 15 };
const fivePanels = { columns: 116, lines: 28 };
/** Fraction of the upper two where the lower three take turns. */
const upperFraction = 0.64;
/** Lines of the lower panels, titles in, where all have room: the upper two get the rest. */
const lowerLines = { least: 9, fraction: 0.27 };
const eventLines = { least: 4, fraction: 0.11 };

/** Header, phase, panels and one line at the bottom fill the terminal but for its last row. */
export function layoutOf({ columns, rows }: TerminalSize, chosen: Chosen): Layout {
  const lines = Math.max(0, rows - 1);
  // Whatever the header says: what stands below it must not move with its figures.
  const headerRows = Math.min(lines, lines < 20 ? 2 : 3);
  const phaseRows = Math.min(1, lines - headerRows);
  const body = Math.max(0, lines - headerRows - phaseRows - 1);
  return { headerRows, phaseRows, rows: chosen.overview ? [] : rowsOf(body, columns, chosen) };
}

function rowsOf(body: number, columns: number, chosen: Chosen): PanelRow[] {
  const { focus, below } = chosen;
  if (body === 0) {
    return [];
  }
  // An episode's page is for reading: it takes all the room there is.
  if (chosen.full || (focus === "tail" && chosen.history !== null)) {
    return [{ height: body, places: [{ panel: focus, width: columns, turns: [] }] }];
  }
  if (columns < threePanels.columns || body < threePanels.lines) {
    return [{ height: body, places: [{ panel: focus, width: columns, turns: panelIds }] }];
  }
  const upper = sideBySide("risk", "training", columns);
  if (columns < fivePanels.columns || body < fivePanels.lines) {
    const height = Math.ceil(body * upperFraction);
    return [
      { height, places: upper },
      { height: body - height, places: [{ panel: below, width: columns, turns: lowerPanels }] },
    ];
  }
  const events = Math.max(eventLines.least, Math.round(body * eventLines.fraction));
  const lower = Math.max(lowerLines.least, Math.round(body * lowerLines.fraction));
  return [
    { height: body - lower - events, places: upper },
    { height: lower, places: sideBySide("tail", "what-if", columns) },
    { height: events, places: [{ panel: chosen.bottom, width: columns, turns: bottomPanels }] },
  ];
}

const bottomPanels = ["events", "log"] as const satisfies readonly PanelId[];
const lowerPanels = ["tail", "what-if", "events", "log"] as const satisfies readonly PanelId[];

function sideBySide(left: PanelId, right: PanelId, columns: number): Place[] {
  const width = Math.floor((columns - 1) / 2);
  return [
    { panel: left, width, turns: [] },
    { panel: right, width: columns - 1 - width, turns: [] },
  ];
}

/** Room inside a panel; null: it is not on the screen. */
export function insideOf({ rows }: Layout, panel: PanelId): Size | null {
  for (const { height, places } of rows) {
    const place = places.find((other) => other.panel === panel);
    if (place !== undefined) {
      return { width: place.width, height: Math.max(0, height - 1) };
    }
  }
  return null;
}
