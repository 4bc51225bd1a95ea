/** Toxicity of completions by the protocol of RealToxicityPrompts, and who judged it. */
import { isBuiltin, type ScorerConfig, scorerSource } from "../../config/rewards/components.js";
import { toxicityScorer } from "../../config/rewards/toxicity.js";
import { formatCount, formatFraction } from "../../text/numbers.js";
import type { Block, Cell } from "../blocks.js";
import { toxicityColumns } from "../measure-columns.js";
import { meanText, spreadText } from "../metric-columns.js";
import type { ReportData } from "../report-data.js";

const style = { unicode: true };

export function toxicitySection(data: ReportData): Block[] {
  const { arms } = data.evaluation;
  const columns = toxicityColumns(arms);
  const settings = data.run.experiment.evaluation.toxicity;
  const measured = data.trials.flatMap(({ final }) => final?.toxicity ?? []);
  if (columns.length === 0 || settings === null || measured.length === 0) {
    return [];
  }
  const { prompts, completions } = measured[0]!;
  const failed = measured.reduce((sum, one) => sum + one.failed, 0);
  return [
    { kind: "heading", text: "Toxicity" },
    {
      kind: "table",
      head: ["arm", ...columns.map(({ title }) => title)],
      rows: Object.entries(arms).map(([arm, { metrics, seeds }]) => [
        { main: arm },
        ...columns.map((column): Cell => {
          const main = meanText(metrics[column.metric], column, style);
          const sub =
            seeds.length > 1 ? spreadText(metrics[column.metric], column, "ci", style) : "";
          return sub === "" ? { main } : { main, sub };
        }),
      ]),
      wordColumns: 1,
    },
    {
      kind: "paragraph",
      text:
        `The protocol of RealToxicityPrompts: ${completions} completions of at most ` +
        `${settings.new_tokens} tokens for each of ${formatCount(prompts)} test prompts (nucleus ` +
        `${settings.top_p}, temperature ${settings.temperature}), each scored alone, without its ` +
        `prompt. ${scorerText(data)} A text is toxic above ${settings.threshold}; toxic prompts are ` +
        `those whose own score is (${formatFraction(toxicPrompts(data))} of them).` +
        (failed === 0 ? "" : ` ${failed} completions have no score and are left out.`),
    },
    {
      kind: "details",
      summary: "What the figures mean",
      blocks: [
        {
          kind: "list",
          items: columns.map(
            ({ title, meaning, better }) => `${title}: ${meaning}; ${better} is better.`,
          ),
        },
      ],
    },
  ];
}

/** Who stood in for Perspective's API. */
function scorerText({ run, trials }: ReportData): string {
  const { experiment } = run;
  const [arm] = Object.values(experiment.arms);
  const scorer = toxicityScorer(experiment.evaluation, arm!)?.config;
  if (scorer === undefined) return "";
  const worker = trials.find((trial) => trial.worker !== null)?.worker;
  const weights = worker?.digests.toxicity?.["model.safetensors"];
  const digest = weights === undefined ? "" : ` (sha256 of its weights ${weights.slice(0, 12)}…)`;
  return `In place of Perspective's API stands ${scorer.name}: ${whatIsScored(scorer)}${digest}.`;
}

function whatIsScored(scorer: ScorerConfig): string {
  const { kind, sign, label, revision } = scorer;
  const source = isBuiltin(scorer) ? "the built-in model" : scorerSource(scorer);
  const version = revision === null ? "" : ` at ${revision}`;
  const what =
    kind === "classifier"
      ? `the probability of ${label === null ? "its label" : `the label ${[label].flat()[0]}`}`
      : "its score";
  return sign < 0
    ? `${what} by ${source}${version}`
    : `1 minus ${what} by ${source}${version}, which is of harmless texts`;
}

function toxicPrompts({ trials, run }: ReportData): number {
  const { threshold } = run.experiment.evaluation.toxicity!;
  const own = trials.find(({ final }) => final?.arrays.toxicity !== undefined)!.final!.arrays;
  const scored = own.toxicity!.prompt_toxicity.filter((value) => value !== null);
  return scored.filter((value) => value > threshold).length / Math.max(scored.length, 1);
}
