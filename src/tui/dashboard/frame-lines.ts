/** A whole frame of the dashboard. Pure: the same scene gives the same lines. */
import { fitLine, type Line, type ViewStyle } from "../line.js";
import { runEta } from "../model/eta.js";
import { isOver } from "../model/run-model.js";
import { type HeaderInput, headerPanel } from "../panels/header.js";
import { phaseLine } from "../panels/phase-line.js";
import { type BottomFacts, bottomLine } from "./bottom-line.js";
import { helpLines } from "./help-lines.js";
import { type Layout, layoutOf, type PanelRow, type ScreenSize } from "./layout.js";
import { panelRowLines } from "./panel-frame.js";
import { type PanelId, panelIds } from "./panel-ids.js";
import { panelLines, panelNote, panelTitle } from "./panel-lines.js";
import { type Scene, subjectOf } from "./scene.js";

export function sceneLayout(scene: Omit<Scene, "reading">, size: ScreenSize): Layout {
  return layoutOf(size, scene.view);
}

/** At most rows − 1 lines, none wider than the terminal. */
export function frameLines(scene: Scene, size: ScreenSize, style: ViewStyle): Line[] {
  const most = Math.max(0, size.rows - 1);
  if (scene.view.help !== null) {
    return helpLines(size, scene.view.help, style);
  }
  const layout = sceneLayout(scene, size);
  const { headerRows, phaseRows, rows } = layout;
  const header = { width: size.columns, height: headerRows };
  return [
    ...atHeight(headerPanel.lines(headerInput(scene), header, style), headerRows),
    ...atHeight(phaseLines(scene, { width: size.columns, height: phaseRows }, style), phaseRows),
    ...rows.flatMap((row) => rowLines(row, scene, style)),
    bottomLine(scene.view, bottomFacts(scene), size.columns, style),
  ]
    .slice(0, most)
    .map((line) => fitLine(line, size.columns, style));
}

function rowLines({ height, places }: PanelRow, scene: Scene, style: ViewStyle): Line[] {
  const drawn = places.map(({ panel, width, others }) => {
    const inside = { width, height: Math.max(0, height - 1) };
    return {
      number: panelNumber(panel),
      title: panelTitle(panel),
      note: panelNote(panel, scene, inside, style),
      others: others.map((other) => `${panelNumber(other)} ${panelTitle(other)}`),
      focused: scene.view.focus === panel,
      width,
      lines: panelLines(panel, scene, inside, style),
    };
  });
  return panelRowLines(drawn, height, style);
}

function panelNumber(panel: PanelId): number {
  return panelIds.indexOf(panel) + 1;
}

function headerInput(scene: Omit<Scene, "reading">): HeaderInput {
  const { model, view, experiment, now } = scene;
  const { trial, step } = subjectOf(model, view, experiment);
  const end = isOver(model) ? secondsOrNull(model.lastAt) : now;
  const begin = secondsOrNull(model.startedAt);
  return {
    run: model,
    trial,
    step,
    live: view.step === null,
    backend: experiment.backend.worker,
    elapsed: begin === null || end === null ? null : Math.max(0, end - begin),
    eta: runEta(model, now),
  };
}

function phaseLines(
  scene: Scene,
  size: { readonly width: number; readonly height: number },
  style: ViewStyle,
): Line[] {
  if (scene.reading.unread) {
    return [[{ text: "reading the journal", dim: true }]];
  }
  const { trial } = subjectOf(scene.model, scene.view, scene.experiment);
  const paused = scene.model.state === "paused";
  return phaseLine.lines({ trial, paused, now: scene.now }, size, style);
}

function bottomFacts({ model, foreground, live }: Scene): BottomFacts {
  const stopsWithView = foreground && live && !isOver(model);
  return { stopsWithView, stopping: model.state === "stopping" };
}

function secondsOrNull(time: string | null): number | null {
  return time === null ? null : Date.parse(time) / 1000;
}

function atHeight(lines: readonly Line[], height: number): Line[] {
  return Array.from({ length: height }, (_, row) => lines[row] ?? []);
}
