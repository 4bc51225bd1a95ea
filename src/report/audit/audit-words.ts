/** An audit in sentences: what was read, what the tail is like, what the bounds rest on. */
import type { ArmComparison } from "../../audit/arm-comparisons.js";
import { bootstrapDraws, bootstrapUnits } from "../../audit/unit-bootstrap.js";
import { formatFraction } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import type { AuditDescription } from "./audit-description.js";
import type { AuditFigures } from "./audit-figures.js";
import { metricTitle, uncertified } from "./audit-tables.js";

const headline = "cvar_0.1";
/** Fewer rows in a tail make a figure that the next sample would not repeat. */
const fewTailRows = 10;

export function readWords({ files, rows, prompts, audit }: AuditDescription): string {
  const arms = Object.keys(audit.arms).length;
  return [
    `${counted(rows, "row")} of ${counted(files.length, "file")}`,
    ...(prompts === null ? [] : [counted(prompts.count, "prompt")]),
    counted(arms, "arm"),
  ].join(", ");
}

/** One sentence per arm, then one per pair. */
export function auditConclusion(
  { audit, settings }: AuditDescription,
  figures: AuditFigures,
): string[] {
  const worst = settings.higherIsWorse ? "highest" : "worst";
  const arms = Object.entries(audit.arms).map(([name, arm]) => {
    const harm =
      arm.harm_rate === null
        ? ""
        : ` ${figures.rate(arm.harm_rate)} of the rows are harmful (${thresholdWords(settings)}).`;
    return (
      `${safeText(name)}: the ${worst} 10 % of ${counted(arm.n, "row")} have a mean score of ` +
      `${figures.score(arm.cvar["0.1"])}; all rows ${figures.score(arm.mean)}.${harm}`
    );
  });
  const pairs = audit.comparisons
    .filter(({ metric }) => metric === headline)
    .map((row) => pairWords(row, settings.higherIsWorse, figures));
  return [...arms, ...pairs];
}

function pairWords(row: ArmComparison, higherIsWorse: boolean, figures: AuditFigures): string {
  const [a, b] = [safeText(row.a), safeText(row.b)];
  const figure =
    `${metricTitle(row)} ${figures.difference(row.difference)} ${figures.interval(row.ci95)}, ` +
    `corrected p ${figures.p(row.p_holm)}`;
  if (row.p_holm === null || row.p_holm >= 0.05) {
    return `${a} and ${b}: no difference of the tails is shown (${figure}).`;
  }
  const better = row.difference > 0 !== higherIsWorse;
  return `${a} has a ${better ? "better" : "worse"} tail than ${b} (${figure}).`;
}

export function thresholdWords({
  harmThreshold,
  higherIsWorse,
}: Pick<AuditDescription["settings"], "harmThreshold" | "higherIsWorse">): string {
  return `score ${higherIsWorse ? "above" : "below"} ${harmThreshold}`;
}

/** What keeps a reader from taking more out of the figures than is in them. */
export function auditNotes(description: AuditDescription): string[] {
  const { audit, settings, prompts, notes, sources } = description;
  const arms = Object.entries(audit.arms);
  const skipped = Object.entries(sources).flatMap(([name, source]) =>
    source.skipped === 0
      ? []
      : [`${safeText(name)}: ${counted(source.skipped, "row")} without a valid value left out`],
  );
  const small = arms.flatMap(([name, arm]) => {
    const few = Object.entries(arm.tail_rows).filter(([, rows]) => rows < fewTailRows);
    return few.length === 0
      ? []
      : [
          `${safeText(name)}: few rows in the tail: ` +
            few.map(([alpha, rows]) => `${rows} at ${alpha}`).join(", "),
        ];
  });
  const unpaired = audit.comparisons.some(({ paired }) => !paired);
  return [
    ...notes,
    ...skipped,
    ...small,
    prompts === null
      ? "Intervals take rows for independent; with several rows per prompt, name the prompts by --prompt."
      : "Intervals take prompts for independent, with all rows of each.",
    ...(unpaired
      ? [
          "Arms in different files are compared as independent samples; --prompt COLUMN pairs them by " +
            "their prompts.",
        ]
      : []),
    ...boundNotes(
      description,
      arms.some(([, arm]) => arm.units < arm.n),
    ),
    ...(settings.harmThreshold === null ? [] : [`Harm: ${thresholdWords(settings)}.`]),
  ];
}

function boundNotes({ settings, audit }: AuditDescription, dependent: boolean): string[] {
  const level = formatFraction(settings.level);
  const option = settings.higherIsWorse ? "--upper" : "--lower";
  const clipped = Object.values(audit.arms).some((arm) => !arm.cvar_lower["0.1"].certified);
  return [
    `Bounds: each holds with ${level} for what the files are a sample of, not for these rows alone.`,
    ...(settings.bound === null
      ? [
          `${uncertified} Not certified: true if no score can be worse than the worst one seen. State the ` +
            `worst score that can be by ${option}.`,
        ]
      : []),
    ...(clipped && dependent
      ? [
          `${uncertified} Bounds take rows for independent, and rows of one prompt are not: for a ` +
            "certificate use one row per prompt.",
        ]
      : []),
  ];
}

/** How the figures are computed; the report's details. */
export function methodItems({ settings }: AuditDescription): string[] {
  const side = settings.higherIsWorse ? "highest" : "lowest";
  return [
    `VaR at α: the ⌈αn⌉-th ${side} of n scores. CVaR at α: the mean of the ⌈αn⌉ ${side}.`,
    "Differences: the first arm minus the second. Mean and harm rate: Student's t on the difference per " +
      `row or prompt. CVaR: Student's t on the spread of ${bootstrapDraws} bootstrap draws of rows or prompts, ` +
      "with as many degrees of freedom as the tail has rows or prompts; of more than " +
      `${bootstrapUnits} of them Student's t on its influence function.`,
    "p is two-sided; p (Holm) is corrected for all differences of the table.",
    "Bounds: VaR by the binomial distribution of ranks, CVaR by simultaneous bounds of the order " +
      "statistics (for very many rows by DKW), harm rate by Clopper and Pearson.",
  ];
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
