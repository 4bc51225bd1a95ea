/** What figures of the dashboard mean that do not say it themselves: the help has it below the keys. */
import { pad } from "../../text/width.js";
import { wrapText } from "../../text/wrapping.js";
import type { Line, ViewStyle } from "../line.js";

interface Word {
  readonly name: string;
  readonly meaning: string;
}

function wordsOf({ unicode }: ViewStyle): Word[] {
  const [alpha, dash] = unicode ? ["α", "–"] : ["alpha", "-"];
  return [
    {
      name: `${alpha}, ${alpha}'`,
      meaning: `the arm's share of worst episodes; ${alpha}' is in force now`,
    },
    { name: "CVaR 0.4", meaning: "mean of the worst 40 % of the returns; VaR: the best of those" },
    { name: `CVaR at ${alpha}`, meaning: `in what if: at the ${alpha} of its column` },
    { name: "(2.67)", meaning: "in Training: the other arm's figure, drawn dimmed" },
    {
      name: "tail again",
      meaning: `prompts of this tail in the last one, too; ${dash} where all were kept`,
    },
  ];
}

export function wordLines(columns: number, style: ViewStyle): Line[] {
  const words = wordsOf(style);
  const width = Math.max(...words.map(({ name }) => name.length));
  return words.flatMap(({ name, meaning }) =>
    wrapText(meaning, Math.max(1, columns - width - 2)).map(
      (text, at): Line => [
        { text: pad(at === 0 ? name : "", width, "left"), bold: true },
        { text: `  ${text}`, dim: true },
      ],
    ),
  );
}
