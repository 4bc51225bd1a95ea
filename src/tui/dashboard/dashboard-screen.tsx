/** A whole frame of the dashboard: the same scene gives the same frame. */
import { Box } from "ink";
import type { ReactElement } from "react";
import { elapsedSeconds, isAtWork, isOver } from "../../run-model/run-model.js";
import { runEta } from "../../run-model/time-left.js";
import { Lines } from "../terminal/lines.js";
import { useTerminalSize, useViewStyle } from "../terminal/terminal-context.js";
import { BottomLine } from "./bottom-line.js";
import { DashboardHelp } from "./dashboard-help.js";
import { Header } from "./header.js";
import { layoutOf, type PanelRow } from "./layout.js";
import { OverviewScreen } from "./overview/overview-screen.js";
import { Panel, panelName } from "./panel.js";
import { PanelOfScene, panelNote } from "./panel-of-scene.js";
import { PhaseLine } from "./phase-line.js";
import { type Scene, subjectOf } from "./scene.js";

/** Rows − 1 lines, none wider than the terminal. */
export function DashboardScreen({ scene }: { readonly scene: Scene }): ReactElement {
  const size = useTerminalSize();
  const { model, view, experiment, now, live, held, foreground, word } = scene;
  const width = size.columns;
  const lines = Math.max(0, size.rows - 1);
  if (view.help !== null) {
    return <DashboardHelp first={view.help} />;
  }
  if (view.overview) {
    return <OverviewScreen scene={scene} />;
  }
  const { trial, step } = subjectOf(model, view, experiment);
  const layout = layoutOf(size, view);
  const { headerRows, phaseRows } = layout;
  const stopsWithView = foreground && live && !isOver(model);
  return (
    <Box flexDirection="column" width={width} height={lines}>
      <Header
        run={model}
        readable={scene.unreadable === null}
        trial={trial}
        step={step}
        live={view.step === null}
        backend={experiment.backend.worker}
        elapsed={elapsedSeconds(model, now)}
        eta={isOver(model) ? null : runEta(model, now)}
        width={width}
        height={headerRows}
      />
      <PhaseLine
        trial={trial}
        paused={model.state === "paused" && !(trial !== null && isAtWork(model, trial))}
        stopped={model.state === "stopped" ? { word, held } : null}
        now={now}
        unreadable={scene.unreadable}
        unread={scene.unread}
        width={width}
        height={phaseRows}
      />
      {layout.rows.map((row) => (
        <RowOfPanels key={row.places[0]!.panel} row={row} scene={scene} />
      ))}
      {lines > headerRows + phaseRows ? (
        <BottomLine
          view={view}
          facts={{ stopsWithView, stopping: model.state === "stopping" }}
          width={width}
        />
      ) : null}
    </Box>
  );
}

/** Side by side, a rule between them. */
function RowOfPanels({
  row: { height, places },
  scene,
}: {
  readonly row: PanelRow;
  readonly scene: Scene;
}): ReactElement {
  const style = useViewStyle();
  const inside = Math.max(0, height - 1);
  const edge = Array.from({ length: height }, () => [
    { text: style.unicode ? "│" : "|", dim: true },
  ]);
  return (
    <Box>
      {places.map(({ panel, width, turns }, at) => (
        <Box key={panel} flexShrink={0}>
          {at === 0 ? null : <Lines lines={edge} width={1} height={height} />}
          <Panel
            name={panelName(panel)}
            note={panelNote(panel, scene, inside, style)}
            turns={turns.map(panelName)}
            focused={scene.view.focus === panel}
            width={width}
            height={height}
          >
            <PanelOfScene panel={panel} scene={scene} width={width} height={inside} />
          </Panel>
        </Box>
      ))}
    </Box>
  );
}
