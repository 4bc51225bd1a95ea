/** Where each panel lies on a terminal of a given size. Pure. */
import type { PanelId } from "./panel-ids.js";
import type { ViewState } from "./view-state.js";

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A panel's place in a row of panels; its first line is its title's. */
export interface Place {
  readonly panel: PanelId;
  readonly width: number;
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

/** Below these there is room for one panel, for three, and for all five. */
const threePanels = { columns: 76, lines: 15 };
const fivePanels = { columns: 116, lines: 28 };
const eventLines = { least: 5, share: 0.16 };

/**
 * Header, phase, panels and one line at the bottom fill the terminal but for its last row.
 *
 * @param headerAsks rows that the header would like
 */
export function layoutOf(
  { columns, rows }: ScreenSize,
  view: Pick<ViewState, "focus" | "below" | "full">,
  headerAsks: number,
): Layout {
  const lines = Math.max(0, rows - 1);
  const most = lines < 20 ? 2 : lines < 34 ? 3 : 4;
  const headerRows = Math.min(headerAsks, most, lines);
  const phaseRows = Math.min(1, lines - headerRows);
  const body = Math.max(0, lines - headerRows - phaseRows - 1);
  return { headerRows, phaseRows, rows: rowsOf(body, columns, view) };
}

function rowsOf(
  body: number,
  columns: number,
  { focus, below, full }: Pick<ViewState, "focus" | "below" | "full">,
): PanelRow[] {
  if (body === 0) {
    return [];
  }
  if (full || columns < threePanels.columns || body < threePanels.lines) {
    return [{ height: body, places: [{ panel: focus, width: columns }] }];
  }
  const [left, right] = halves(columns);
  const upper: Place[] = [
    { panel: "risk", width: left },
    { panel: "training", width: right },
  ];
  if (columns < fivePanels.columns || body < fivePanels.lines) {
    const height = Math.ceil(body * 0.58);
    return [
      { height, places: upper },
      { height: body - height, places: [{ panel: below, width: columns }] },
    ];
  }
  const events = Math.max(eventLines.least, Math.round(body * eventLines.share));
  const height = Math.ceil((body - events) / 2);
  return [
    { height, places: upper },
    {
      height: body - events - height,
      places: [
        { panel: "tail", width: left },
        { panel: "what-if", width: right },
      ],
    },
    { height: events, places: [{ panel: "events", width: columns }] },
  ];
}

function halves(columns: number): [left: number, right: number] {
  const left = Math.floor((columns - 1) / 2);
  return [left, columns - 1 - left];
}

/** Room inside a panel; null: it is not on the screen. */
export function insideOf(
  { rows }: Layout,
  panel: PanelId,
): { readonly width: number; readonly height: number } | null {
  for (const { height, places } of rows) {
    const place = places.find((other) => other.panel === panel);
    if (place !== undefined) {
      return { width: place.width, height: Math.max(0, height - 1) };
    }
  }
  return null;
}
