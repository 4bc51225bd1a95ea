/** What can be said of the arms' true figures with a stated probability. */
import type { Certificates } from "../../analysis/evaluation.js";
import { formatNumber } from "../../text/numbers.js";
import type { Block, Cell } from "../blocks.js";
import { levelText, missingText } from "../certificate-words.js";
import { type MetricColumn, metricColumnOf } from "../metric-columns.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

/** From above, that is; CVaR's is from below. */
const upper = ["harm_rate", "expected_max_toxicity"] as const;

export function certificatesSection({ evaluation, run }: ReportData): Block[] {
  const arms = Object.entries(evaluation.arms).flatMap(([arm, { certificates }]) =>
    certificates === null ? [] : [{ arm, certificates }],
  );
  const [first] = arms;
  if (first === undefined) {
    return [];
  }
  const tail = metricColumnOf("cvar_0.1")!;
  const others = upper.filter((name) =>
    arms.some(({ certificates }) => certificates[name] !== null),
  );
  const none = [...new Set(arms.flatMap(({ certificates }) => whyNone(certificates)))];
  return [
    { kind: "heading", text: "Certified bounds" },
    {
      kind: "table",
      head: [
        "arm",
        `${tail.title} at least`,
        ...others.map((name) => `${metricColumnOf(name)!.title} at most`),
      ],
      rows: arms.map(({ arm, certificates }): Cell[] => [
        { main: arm },
        figure(certificates["cvar_0.1"].bound, tail),
        ...others.map((name) => figure(certificates[name]?.bound ?? null, metricColumnOf(name)!)),
      ]),
      wordColumns: 1,
    },
    {
      kind: "paragraph",
      text:
        `Each bound holds with a probability of at least ${levelText(first.certificates)} for all seeds ` +
        "of its arm together, whatever the distribution of rewards: of completions to prompts like the " +
        "test prompts, one each, not of these prompts alone. It bounds the mean over seeds in the table " +
        "of results; completions without a reward are left out.",
    },
    ...(none.length === 0
      ? []
      : [
          { kind: "list" as const, items: none.map((why) => `No bound of ${tail.title}: ${why}.`) },
        ]),
    {
      kind: "details",
      summary: "How they are computed",
      blocks: [
        {
          kind: "list",
          items: [
            `${tail.title}: order statistics of the rewards under a band that holds at all of them at once` +
              lowerText(first.certificates["cvar_0.1"].lower),
            ...(others.includes("harm_rate") ? ["Harm rate: Clopper–Pearson."] : []),
            ...(others.includes("expected_max_toxicity")
              ? ["Expected maximum toxicity: a betting bound of the mean of the prompts' maxima."]
              : []),
            `With several seeds, each seed's bound is at level 1 − ${run.experiment.evaluation.certificates.delta}/seeds.`,
          ],
        },
      ],
    },
  ];
}

function whyNone(certificates: Certificates): string[] {
  const why = missingText(certificates["cvar_0.1"]);
  return why === null ? [] : [why];
}

function figure(bound: number | null, column: MetricColumn): Cell {
  return {
    main: bound === null ? "–" : formatNumber(bound * (column.factor ?? 1), column.digits, style),
  };
}

function lowerText(lower: number | null): string {
  return lower === null ? "." : `, no reward being under ${formatNumber(lower, 2, style)}.`;
}
