/** The help of a screen and the line of keys under it, both drawn from the key tables. */
import { displayWidth, pad } from "../../text/width.js";
import { type KeyTable, keyLabel, labelOf } from "../key-table.js";
import { flowFields, type Line, type ViewStyle } from "../line.js";

const introduction: readonly string[] = [
  "A run trains the arms of an experiment and goes on without this window.",
  "Open a run to watch it; leave the view with q, come back at any time.",
];

export function helpLines(
  title: string,
  table: KeyTable,
  columns: number,
  style: ViewStyle,
): Line[] {
  const labels = table.map((binding) => keyLabel(binding, style.unicode));
  const width = Math.max(...labels.map(displayWidth));
  return [
    [{ text: `HELP: ${title}`, bold: true }],
    ...(columns < 60 ? [] : introduction.map((text): Line => [{ text, dim: true }])),
    [],
    ...table.map(
      ({ words }, at): Line => [
        { text: "  " },
        { text: pad(labels[at]!, width, "left"), bold: true },
        { text: `  ${words}` },
      ],
    ),
  ];
}

/** `Enter open  n new run  …`, as many as fit on one line, help and quit for certain. */
export function footerLine(table: KeyTable, columns: number, style: ViewStyle): Line {
  const fields = table.flatMap(({ keys, hint }): Line[] =>
    hint === undefined
      ? []
      : [
          [
            { text: labelOf(keys[0]!, style.unicode), bold: true },
            { text: ` ${hint}`, dim: true },
          ],
        ],
  );
  for (let count = fields.length; count > 2; count -= 1) {
    const kept = [...fields.slice(0, count - 2), ...fields.slice(-2)];
    const lines = flowFields(kept, columns, 0);
    if (lines.length === 1) {
      return lines[0]!;
    }
  }
  return flowFields(fields.slice(-2), columns, 0)[0] ?? [];
}
