/** The text of a new experiment: YAML with a comment at every choice that was made. Pure. */
import type { ColumnGuess } from "./guess-columns.js";

export const templates = ["sentiment", "toxicity", "preference", "python"] as const;
export type Template = (typeof templates)[number];

/** A model, and why it was chosen. */
export interface ChosenModel {
  readonly model: string;
  readonly comment: string;
}

export interface ChosenData {
  /** Relative to the experiment's file, or builtin. */
  readonly path: string | { readonly train: string; readonly test: string };
  readonly guess: ColumnGuess | null;
  /** Names of the columns that are not used. */
  readonly others: readonly string[];
  /** Of the label, as found. */
  readonly values: readonly (string | number | boolean)[] | null;
  /** Fraction that is held out for tests; null: there is a file for them. */
  readonly split: number | null;
  /** Test prompts, about; null: many. */
  readonly testRows: number | null;
}

export interface NewExperiment {
  readonly template: Template;
  readonly name: string;
  /** As the user will type it. */
  readonly file: string;
  readonly policy: ChosenModel & { readonly context: number | null };
  readonly data: ChosenData;
  /** Of the templates with a model as reward. */
  readonly scorer: (ChosenModel & { readonly label: string | null }) | null;
}

const purposes: Readonly<Record<Template, string>> = {
  sentiment: "completions in the good class, the worst prompts included",
  toxicity: "harmless completions, also of the prompts that invite harm",
  preference: "what annotators preferred, also for the prompts that go worst",
  python: "a reward of our own, also for the prompts that go worst",
};

export function experimentText(plan: NewExperiment): string {
  const { template, name, file, policy } = plan;
  const { prompt, fresh, sft } = lengths(policy.context);
  const finetunes = template !== "preference" && plan.data.guess?.good !== null;
  return `${[
    `# Written by \`averse init --from ${template}\`. What every key means: docs/configuration.md, or`,
    "# `averse config explain KEY`.",
    "#",
    `#   averse config validate ${file}    checks it, and what it names, without training`,
    `#   averse run ${file}                trains every arm, evaluates and reports`,
    `name: ${name}`,
    `purpose: ${purposes[template]}`,
    "",
    "arms:",
    "  base: # the model as it is",
    ...(finetunes ? ["  sft: # fine-tuned on the good class; the arms below start from it"] : []),
    "  rlhf: # risk-neutral: every episode counts",
    "  rlhf-kl: # the same with a weaker KL penalty, which a risk-averse arm has to beat too",
    "    risk: { measure: mean }",
    "    kl: { beta: 0.1 }",
    "  kl-loss: # risk-neutral, the KL as hard-kl has it: what hard prompts add to that",
    "  hard-kl: # risk-averse: hard prompts more often, KL where it is needed",
    "  ra-rlhf: # the paper's rule: the worst α of each batch",
    "",
    "seeds: [0] # [0, 1, 2]: from three seeds on, differences between arms are told",
    "",
    "policy:",
    `  model: ${scalar(policy.model)} # ${policy.comment}`,
    "",
    ...dataLines(plan),
    ...rewardLines(plan),
    "",
    ...sftLines(finetunes, sft),
    "# One episode: a prompt and its completion. Together they have to fit the model.",
    `rollout: { prompt_tokens: ${prompt}, new_tokens: ${fresh} }`,
    "",
    "training:",
    "  iterations: 100 # M",
    "  batch: 32 # B, episodes per iteration",
    "  minibatch: 16",
    "  learning_rate: 1.0e-5 # small models of a few million parameters bear 2.0e-4",
    "",
    "# All episodes up to iteration `warmup`, then fewer, down to α at ρ · iterations.",
    "risk: { measure: cvar, alpha: 0.4, warmup: 15, rho: 0.95 }",
    "kl: { target: 6, beta: 0.2 }",
    "",
    "checkpoint: { every: 50 }",
    "",
    ...evaluationLines(plan),
  ].join("\n")}\n`;
}

/** Shorter ones for models with few positions. */
function lengths(context: number | null): { prompt: number; fresh: number; sft: number } {
  const room = context ?? 1024;
  const prompt = Math.max(1, Math.min(32, Math.floor(room / 2)));
  return { prompt, fresh: Math.max(1, Math.min(24, room - prompt)), sft: Math.min(64, room) };
}

function dataLines({ data, template }: NewExperiment): string[] {
  const { path, guess, others, values, split } = data;
  if (guess === null) {
    return [
      "# Your own: a CSV, JSON Lines, Parquet or text file, then `columns` and `good`.",
      `data: { path: ${typeof path === "string" ? scalar(path) : flow(path)} }`,
      "",
    ];
  }
  const { label, good, isSure } = guess;
  const isPairs = guess.columns.chosen !== undefined;
  const own = isPairs ? promptColumns(guess.columns) : guess.columns;
  const columns = label === null ? own : { ...own, label };
  const rest = others.length === 0 ? "" : ` # not used: ${others.slice(0, 8).join(", ")}`;
  return [
    "data:",
    `  path: ${typeof path === "string" ? scalar(path) : flow(path)}`,
    `  columns: ${flow(columns)}${rest}`,
    ...(good === null || template === "preference"
      ? []
      : [`  good: ${goodText(good)} # ${goodComment(label ?? "", values, isSure)}`]),
    ...(split === null
      ? []
      : [`  split: ${split} # the fraction of rows that is held out for tests`]),
    "",
  ];
}

function goodText(good: NonNullable<ColumnGuess["good"]>): string {
  return typeof good === "object" ? flow(good) : scalar(good);
}

function goodComment(label: string, values: ChosenData["values"], isSure: boolean): string {
  const found =
    values === null ? `${label} is a number` : `${label} is ${values.slice(0, 8).join(", ")}`;
  return `${isSure ? "" : "CHECK THIS: "}SFT learns from these rows; ${found}`;
}

/** Of preference pairs: the prompts alone, or else the beginnings of what was preferred. */
function promptColumns(columns: ColumnGuess["columns"]): Readonly<Record<string, string>> {
  return columns.prompt === undefined ? { text: columns.chosen! } : { prompt: columns.prompt };
}

function rewardLines(plan: NewExperiment): string[] {
  const { template, scorer, data } = plan;
  if (template === "python") {
    return [
      "# reward.py beside this file; docs/rewards.md describes the function.",
      "reward:",
      "  kind: python",
      "  function: reward.py:score",
    ];
  }
  if (template === "preference" && data.guess?.columns.chosen !== undefined) {
    const { prompt, chosen, rejected } = data.guess.columns;
    const columns = { ...(prompt === undefined ? {} : { prompt }), chosen, rejected };
    const { path } = data;
    return [
      "# Trained from the pairs before everything else, and kept in artifacts/ for later runs.",
      "stages:",
      "  preferences:",
      "    kind: reward_model",
      `    base: { model: ${scalar(plan.policy.model)} }`,
      "    data:",
      `      path: ${typeof path === "string" ? scalar(path) : flow(path)}`,
      `      columns: ${flow(columns)}`,
      "    epochs: 1",
      `    max_tokens: ${Math.min(256, plan.policy.context ?? 256)}`,
      "",
      "reward:",
      "  kind: preference",
      "  model: stage:preferences",
    ];
  }
  const { model, comment, label } = scorer!;
  return [
    "reward:",
    `  kind: ${template === "preference" ? "preference" : "classifier"}`,
    `  model: ${scalar(model)} # ${comment}`,
    ...(label === null ? [] : [`  label: ${scalar(label)}`]),
    ...(template === "toxicity"
      ? ["  sign: -1 # the score says harm, and a reward is better when higher"]
      : []),
    "  text: whole # or completion: what is scored",
  ];
}

function sftLines(finetunes: boolean, most: number): string[] {
  return finetunes
    ? [`sft: { steps: 100, batch: 32, learning_rate: 1.0e-4, max_tokens: ${most} }`, ""]
    : ["sft: { steps: 0 } # there is no good class to fine-tune on", ""];
}

function evaluationLines({ template, scorer, data }: NewExperiment): string[] {
  const prompts = Math.max(1, Math.min(500, data.testRows ?? 500));
  const isBuiltin = scorer?.model === "builtin";
  const threshold =
    template === "sentiment" || template === "toxicity"
      ? isBuiltin
        ? []
        : [
            "  harm_threshold: 0 # a lower raw reward counts as harm: choose it on your model's scale",
          ]
      : ["  harm_threshold: null # set it on your reward's scale for a harm rate"];
  return [
    "evaluation:",
    `  prompts: ${prompts} # held out`,
    "  every: 25 # iterations between points of the tail-against-KL curve",
    `  every_prompts: ${Math.min(200, prompts)}`,
    ...threshold,
  ];
}

/** What `--from python` writes beside the experiment. */
export const rewardModule = `"""The reward of the experiment beside this file: TRL's signature.

\`score\` gets a batch and returns one number per completion, higher is better. None says that a text
could not be scored: its episode is left out and counted, never taken for 0. Columns of the data come
as keyword arguments, one list each.
"""


def score(prompts: list[str], completions: list[str], **columns: list) -> list[float | None]:
    """Many different words, in sentences that end. Replace this."""
    return [_one(completion) for completion in completions]


def _one(completion: str) -> float:
    words = completion.lower().split()
    variety = len(set(words)) / max(1, len(words))
    ends = completion.rstrip().endswith((".", "!", "?"))
    return variety + (0.5 if ends else 0.0)
`;

function flow(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).map(([key, value]) => `${key}: ${scalar(value)}`);
  return `{ ${parts.join(", ")} }`;
}

/** As YAML 1.2's core schema reads it back. */
export function scalar(value: unknown): string {
  if (typeof value !== "string") return String(value);
  const isPlain =
    /^[A-Za-z_.][\w./-]*(:[\w./-]+)?$/.test(value) &&
    !/^(true|false|null|~|yes|no|on|off|\.inf|\.nan)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
