/** README.md of an exported model, as the Hugging Face hub reads it. Pure. */
import { basename, isAbsolute } from "node:path";
import { stringify } from "yaml";
import { dataName } from "../../config/data-sources.js";
import { namedJudges, rewardComponents, scorerSource } from "../../config/rewards/components.js";
import { wordsOfMetric } from "../../text/metric-words.js";
import type { ReportData } from "../report-data.js";
import { resultsMarkdown } from "./results-table.js";

export interface CardInput {
  readonly data: ReportData;
  readonly trial: string;
  /** Of the model on the hub, `ORG/NAME`, or of its folder. */
  readonly name: string;
  /** The manifest's account of the arm's risk; null: the trial is not trained with RL. */
  readonly risk: Readonly<Record<string, unknown>> | null;
  /** File → sha256. */
  readonly files: Readonly<Record<string, string>>;
  /** How sure it is that a second run gives the same bits, in the manifest's words. */
  readonly determinism: string;
}

export function modelCard(input: CardInput): string {
  const { data, trial, name, risk } = input;
  const { run } = data;
  const own = data.trials.find((one) => one.name === trial)!;
  const { experiment } = run;
  const arm = experiment.arms[own.arm]!;
  const metrics = own.final?.metrics ?? {};
  const policy = arm.policy ?? experiment.policy;
  const base = publicName(policy.model);
  const header = {
    library_name: "transformers",
    pipeline_tag: "text-generation",
    ...(isHubName(policy.model) ? { base_model: policy.model } : {}),
    ...(experiment.data.hub === null ? {} : { datasets: [experiment.data.hub] }),
    tags: ["averse", ...(risk === null ? [] : ["rlhf", `risk-${arm.risk.measure}`])],
    ...(Object.keys(metrics).length === 0
      ? {}
      : { "model-index": [modelIndex(name, experiment.data.hub, data, metrics)] }),
  };
  return [
    `---\n${stringify(header)}---`,
    `# ${name.split("/").at(-1)}`,
    `Arm \`${own.arm}\`, seed ${own.seed}, of the experiment \`${experiment.name}\`, trained with Averse ${run.versions.averse ?? ""}: ` +
      "risk-averse fine-tuning of language models.",
    "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n" +
      `model = AutoModelForCausalLM.from_pretrained(${JSON.stringify(name)})\n` +
      `tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(name)})\n\`\`\``,
    "## Training",
    list([
      ["base model", `${base}${policy.revision === null ? "" : ` (revision ${policy.revision})`}`],
      ["data", publicName(dataName(experiment.data))],
      ["reward", rewardComponents(arm.reward).map(scorerName).join("; ")],
      [
        "judges, never trained against",
        namedJudges(experiment.evaluation.judges).map(scorerName).join("; ") || "none",
      ],
      [
        "supervised fine-tuning",
        `${experiment.sft.epochs ?? experiment.sft.steps} ${experiment.sft.epochs === null ? "steps" : "epochs"}`,
      ],
      ...(risk === null
        ? []
        : [
            [
              "algorithm",
              `${arm.training.algorithm}, ${arm.training.iterations} iterations of ${arm.training.batch} episodes`,
            ] as const,
            ["lengths", `${arm.rollout.prompt_tokens} + ${arm.rollout.new_tokens} tokens`] as const,
            [
              "KL penalty",
              `β from ${arm.kl.beta}${arm.kl.target === null ? "" : `, target ${arm.kl.target} nats`}`,
            ] as const,
          ]),
    ]),
    "## Risk",
    risk === null
      ? "Not trained with a risk measure."
      : `What its update learns from, as the run's manifest has it:\n\n\`\`\`yaml\n${stringify(withoutNull(risk))}\`\`\``,
    "## Figures",
    Object.keys(metrics).length === 0
      ? "The trial has no final evaluation."
      : `Final evaluation on ${own.final!.arrays.prompt.length} test prompts, on the raw reward, this seed alone:\n\n${metricTable(metrics)}\n\n` +
        `All arms of the run:\n\n${resultsMarkdown(data.evaluation.arms)}`,
    "## Limits",
    "- The figures hold for this reward, these prompts and these lengths. A reward model is not what people want of a text; " +
      "what it misses, training may exploit.\n" +
      "- A better tail is a mean over the worst prompts, not a guarantee for any one text: the model can still write harmful " +
      "text. It was not tested for uses that need one.\n" +
      (experiment.seeds.length > 1
        ? "- Training varies from seed to seed; this is one of them."
        : "- There is one seed: another may come out differently."),
    "## How to reproduce",
    "The resolved configuration:\n\n" +
      `<details><summary>experiment</summary>\n\n\`\`\`json\n${JSON.stringify(withoutPlaces(experiment), null, 2)}\n\`\`\`\n\n</details>\n\n` +
      `Code: ${run.git === null ? "no git checkout" : `commit ${run.git.commit}${run.git.dirty ? ", with changes that were not committed" : ""}`}. ` +
      `Versions: ${Object.entries(run.versions)
        .map(([part, version]) => `${part} ${version}`)
        .join(", ")}. ${input.determinism}`,
    "Digests (sha256):\n\n" +
      Object.entries(input.files)
        .map(([file, digest]) => `- \`${file}\`: \`${digest}\``)
        .join("\n"),
    "",
  ].join("\n\n");
}

function modelIndex(
  name: string,
  hub: string | null,
  { run }: ReportData,
  metrics: Readonly<Record<string, number>>,
) {
  const set = hub ?? publicName(dataName(run.experiment.data));
  return {
    name: name.split("/").at(-1),
    results: [
      {
        task: { type: "text-generation" },
        dataset: { name: set, type: set, split: "test" },
        metrics: Object.entries(metrics).map(([type, value]) => ({
          type,
          name: type,
          value,
        })),
      },
    ],
  };
}

function metricTable(metrics: Readonly<Record<string, number>>): string {
  const rows = Object.entries(metrics).map(([metric, value]) => {
    const words = wordsOfMetric(metric);
    return `| \`${metric}\` | ${Number(value.toPrecision(6))} | ${words?.meaning ?? ""} |`;
  });
  return ["| figure | value | meaning |", "|---|---:|---|", ...rows].join("\n");
}

function list(entries: readonly (readonly [name: string, value: string])[]): string {
  return entries.map(([name, value]) => `- ${name}: ${value}`).join("\n");
}

function scorerName(scorer: Parameters<typeof scorerSource>[0]): string {
  return publicName(scorerSource(scorer));
}

/** Of a path its last part, of an address none: the author's machines are nobody's business. */
function publicName(name: string): string {
  if (/^[a-z]+:\/\//i.test(name)) return "an HTTP service";
  return isAbsolute(name) ? basename(name) : name;
}

function isHubName(model: string): boolean {
  return model !== "builtin" && !isAbsolute(model) && !model.startsWith("stage:");
}

/** Paths of this machine down to their last part; which trackers were used is no part of it. */
function withoutPlaces(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner) =>
      key === "trackers" ? undefined : typeof inner === "string" ? publicName(inner) : inner,
    ),
  );
}

function withoutNull(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(tree).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.filter(([, value]) => !isEmptyMap(value)));
}

function isEmptyMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
