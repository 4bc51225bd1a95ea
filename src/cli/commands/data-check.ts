/** `averse data check EXPERIMENT`: what its data are, in seconds, without a policy's weights. */
import { dataName } from "../../config/data-sources.js";
import { loadExperiment } from "../../config/load.js";
import { gridLines } from "../../text/grid.js";
import { maskText, safeText } from "../../text/safe-text.js";
import { readWorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { experimentFile } from "../lookup/experiments.js";
import { type DataFacts, dataFacts, stagesOfOwnData } from "../machine/data-facts.js";
import { packageRoot } from "../machine/package.js";
import { type Terminal, tellingWait } from "../terminal.js";

export interface DataCheckOptions {
  readonly set: readonly string[];
  readonly json: boolean;
  readonly showText: boolean;
  /** Rows of each split that are shown. */
  readonly samples: number;
}

export async function dataCheck(
  name: string,
  options: DataCheckOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { experiment } = loadExperiment(experimentFile(name), options.set);
  const { environment } = readWorkerSpec(experiment.backend.worker, packageRoot);
  const stages = stagesOfOwnData(experiment);
  const facts = await tellingWait(
    terminal,
    "reading the data",
    dataFacts(experiment, environment, { samples: options.samples, stages }),
  );
  if (typeof facts === "string") {
    throw new UserError(
      `the data cannot be checked: ${facts}; \`averse doctor\` says what is missing.`,
      exitCode.environment,
    );
  }
  const shown = options.showText ? facts : masked(facts);
  const source = dataName(experiment.data);
  if (options.json) terminal.out(JSON.stringify({ data: source, ...shown }));
  else {
    const limit = experiment.rollout.prompt_tokens;
    if (shown.rows !== null) terminal.out(reportLines(source, shown, limit, options).join("\n"));
    for (const { message, key } of shown.problems) {
      terminal.err(`${safeText(message)}${key === null ? "" : ` (key: ${key})`}`);
    }
  }
  const [problem] = facts.problems;
  if (problem === undefined) return exitCode.done;
  return problem.environment ? exitCode.environment : exitCode.usage;
}

function masked(facts: DataFacts): DataFacts {
  const hidden = (samples: NonNullable<DataFacts["samples"]>["train"]) =>
    samples.map(({ prompt, completion, ...rest }) => ({
      ...rest,
      prompt: maskText(prompt),
      completion: completion === null ? null : maskText(completion),
    }));
  const { samples } = facts;
  return samples === null
    ? facts
    : { ...facts, samples: { train: hidden(samples.train), test: hidden(samples.test) } };
}

function reportLines(
  source: string,
  facts: DataFacts,
  limit: number,
  { showText }: DataCheckOptions,
): string[] {
  const { notes, overlap, columns, template, seconds } = facts;
  const rows = facts.rows!;
  const share =
    overlap === null || overlap === 0
      ? "no test prompt is a training prompt"
      : `${overlap} of ${rows.test.kept} test prompts are training prompts as well: not held out`;
  return [
    `${safeText(source)} (read in ${seconds.toFixed(1)} s)`,
    "",
    ...splitTable(facts, limit),
    "",
    ...labelLines(facts),
    share,
    ...(template === null ? [] : [`chat template: ${template}`]),
    ...(columns === null || columns.length === 0
      ? []
      : [`other columns, which Python and HTTP rewards get: ${safeText(columns.join(", "))}`]),
    ...notes.map((note) => `note: ${safeText(note)}`),
    ...sampleLines(facts, showText),
  ];
}

/** Only figures that say something: a column of zeros is left out. */
function splitTable({ rows, tokens }: DataFacts, limit: number): string[] {
  const splits = ["train", "test"] as const;
  const figures = [
    ["rows", (split) => rows![split].rows],
    ["filtered", (split) => rows![split].filtered],
    ["duplicates", (split) => rows![split].duplicates],
    ["left out", (split) => rows![split].left_out],
    ["too long, dropped", (split) => rows![split].dropped],
    ["prompts", (split) => rows![split].kept],
    ["good", (split) => rows![split].good],
    [`cut to ${limit} tokens`, (split) => rows![split].truncated],
    ["tokens: least", (split) => tokens?.[split].min ?? null],
    ["median", (split) => tokens?.[split].median ?? null],
    ["95 %", (split) => tokens?.[split].p95 ?? null],
    ["most", (split) => tokens?.[split].max ?? null],
  ] satisfies [string, (split: "train" | "test") => number | null][];
  const always = ["rows", "prompts", "good"];
  const told = figures.filter(
    ([name, of]) => always.includes(name) || splits.some((split) => (of(split) ?? 0) !== 0),
  );
  const cells = splits.map((split) => [split, ...told.map(([, of]) => `${of(split) ?? "–"}`)]);
  return gridLines(
    [["", ...told.map(([name]) => name)], ...cells],
    ["left", ...told.map(() => "right" as const)],
  );
}

function labelLines({ labels }: DataFacts): string[] {
  if (labels === null) return [];
  return (["train", "test"] as const).flatMap((split) => {
    const counts = Object.entries(labels[split]).map(([label, count]) => `${label} ${count}`);
    return counts.length === 0 ? [] : [`labels of ${split}: ${safeText(counts.join(", "))}`];
  });
}

function sampleLines({ samples }: DataFacts, showText: boolean): string[] {
  if (samples === null) return [];
  const lines = (["train", "test"] as const).flatMap((split) =>
    samples[split].flatMap(({ place, good, prompt, completion }) => [
      `  ${split}, ${safeText(place)}${good ? ", good" : ""}`,
      `    ${oneLine(prompt)}`,
      ...(completion === null ? [] : [`    → ${oneLine(completion)}`]),
    ]),
  );
  if (lines.length === 0) return [];
  return ["", showText ? "samples:" : "samples, masked (--show-text prints them):", ...lines];
}

const longest = 160;

function oneLine(text: string): string {
  const line = safeText(text.replaceAll(/\s+/g, " "));
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}
