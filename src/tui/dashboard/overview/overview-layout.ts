/** Where things lie in the overview, and how far its results scroll. Pure. */
import { resultWords } from "../../../report/result-text.js";
import { renderTable } from "../../../report/table.js";
import type { RunResults } from "../../../run-model/run-results.js";
import { safeText } from "../../../text/safe-text.js";
import { wrapText } from "../../../text/width.js";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import type { TerminalSize } from "../../terminal/terminal-context.js";
import type { Scene } from "../scene.js";
import { headingLines } from "./trial-table.js";

export interface OverviewLayout {
  readonly headerRows: number;
  readonly phaseRows: number;
  /** Trials that are seen. */
  readonly trialRows: number;
  /** Lines of the chart, or of the results, title in; 0: there is no room. */
  readonly lowerRows: number;
  readonly eventRows: number;
}

/** Lines that a chart needs to be worth a look, title in. */
const leastChart = 7;
/** Lines of the events, title in, where there is room. */
const eventLines = { least: 4, most: 7 };
/** Lines from which on events have room. */
const withEvents = 32;
/** Fraction of the body that trials take at most where something stands below. */
const trialFraction = 0.5;

export function overviewLayout(
  { rows }: TerminalSize,
  trials: number,
  hasResults: boolean,
): OverviewLayout {
  const lines = Math.max(0, rows - 1);
  const headerRows = Math.min(lines, 2);
  const phaseRows = Math.min(1, lines - headerRows);
  // Title and headings of the table, and the last line of the screen.
  const body = Math.max(0, lines - headerRows - phaseRows - 1 - 1 - headingLines);
  const most = Math.max(1, Math.floor(body * trialFraction));
  const trialRows =
    body - trials >= leastChart || trials <= most ? Math.min(trials, body) : Math.min(most, body);
  const rest = body - trialRows;
  const eventRows =
    rows >= withEvents && !hasResults
      ? Math.max(eventLines.least, Math.min(eventLines.most, rest - 2 * leastChart))
      : 0;
  const lowerRows = rest - eventRows;
  return { headerRows, phaseRows, trialRows, eventRows, lowerRows: lowerRows < 3 ? 0 : lowerRows };
}

export function hasResults({ results }: Pick<Scene, "results">): boolean {
  return results !== null && (results.evaluation !== null || results.problem !== null);
}

/** The table of results, the conclusion, and where the reports are. */
export function resultLines(
  { evaluation, reports, problem }: RunResults,
  directory: string,
  width: number,
  style: ViewStyle,
): Line[] {
  if (evaluation === null) {
    return wrapText(safeText(problem ?? ""), Math.max(1, width)).map(
      (text): Line => [{ text, color: "red" }],
    );
  }
  const { unicode } = style;
  const table = renderTable(evaluation, { width, unicode, color: false }).split("\n");
  const words = resultWords(evaluation).flatMap((line) => wrapText(line, Math.max(1, width)));
  const places =
    reports.length === 0
      ? ["report  not written yet", `run     ${directory}`]
      : [...reports.map((path) => `report  ${path}`), `run     ${directory}`];
  return [
    ...table.map((text, at): Line => [{ text, ...(at === 0 ? { bold: true } : {}) }]),
    [],
    ...words.map((text): Line => [{ text }]),
    [],
    ...places
      .flatMap((text) => wrapText(safeText(text), Math.max(1, width)))
      .map((text): Line => [{ text, color: "cyan" }]),
  ];
}

/** First line of the results' last window; 0: there are none, or all are seen. */
export function lastResultLine(scene: Scene, size: TerminalSize, style: ViewStyle): number {
  const { results, model, directory } = scene;
  if (results === null || !hasResults(scene)) {
    return 0;
  }
  const { lowerRows } = overviewLayout(size, model.trials.length, true);
  const lines = resultLines(results, directory, size.columns, style).length;
  return Math.max(0, lines - belowTitle({ width: size.columns, height: lowerRows }).height);
}

/** Below a title. */
export function belowTitle({ width, height }: Size): Size {
  return { width, height: Math.max(0, height - 1) };
}
