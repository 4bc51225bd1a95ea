import type { ReactElement } from "react";
import type { ChartOptions } from "../../charts/chart.js";
import type { Line, Size } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";

export interface ChartProps extends Size {
  readonly title: Line;
  readonly draw: (options: ChartOptions) => Line[];
}

/** A heading and the chart under it, as one text; where only one row is left, the heading alone. */
export function Chart({ title, draw, width, height }: ChartProps): ReactElement | null {
  const style = useViewStyle();
  return height < 1 ? null : (
    <Lines
      lines={[title, ...draw({ width, height: height - 1, style })]}
      width={width}
      height={height}
    />
  );
}
