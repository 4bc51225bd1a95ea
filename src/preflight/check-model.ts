/** Whether a model can be what the experiment makes of it: its architecture and its labels. */
import { isTree } from "../config/key-path.js";
import { nearestName } from "../text/nearest-name.js";
import { formatCount } from "../text/numbers.js";
import type { Concern, Findings } from "./findings.js";
import type { ModelFiles } from "./model-files.js";
import type { NamedModel } from "./named-models.js";
import { contextOf, windowOf } from "./windows.js";

const vocabulary = /^(tokenizer\.json|vocab.*|merges\.txt|.*\.(model|tiktoken|spm))$/;

export function checkModel(named: NamedModel, files: ModelFiles): Findings {
  const problems = [
    ...quantized(named, files),
    ...architectureProblems(named, files),
    ...tokenizerProblems(named, files),
  ];
  const labels =
    problems.length > 0 || named.kind === "language model" ? null : checkLabel(named, files);
  return {
    checked: [{ what: named.role, found: described(named, files, labels?.told ?? null) }],
    warnings: [],
    problems: [...problems, ...(labels?.problems ?? [])],
  };
}

function described(named: NamedModel, files: ModelFiles, label: string | null): string {
  const { config, parameters } = files;
  const [architecture] = architecturesOf(files);
  const isBuiltin = named.model === "builtin";
  const window =
    named.kind === "language model" ? contextOf(config) : windowOf(config, files.tokenizer);
  return [
    isBuiltin ? "built-in" : named.model,
    ...(isBuiltin || architecture === undefined ? [] : [architecture]),
    ...(parameters === null ? [] : [`${formatCount(parameters)} parameters`]),
    ...(window === null ? [] : [`${window} positions`]),
    ...(label === null ? [] : [label]),
  ].join(", ");
}

function problem(
  { arm }: NamedModel,
  key: string,
  found: string,
  expected: string,
  remedy: string,
): Concern {
  return { arm, keys: [key], found, expected, remedy };
}

function quantized(named: NamedModel, { place, config }: ModelFiles): Concern[] {
  const { quantization_config: quantization } = config;
  if (quantization === undefined || quantization === null) return [];
  const method = isTree(quantization) ? String(quantization.quant_method ?? "unknown") : "unknown";
  const found = `${place} with quantized weights (${method})`;
  return [
    problem(
      named,
      named.key,
      found,
      "weights in float32, bfloat16 or float16",
      "Give the model before it was quantized.",
    ),
  ];
}

function architecturesOf({ config }: ModelFiles): string[] {
  const { architectures } = config;
  return Array.isArray(architectures) ? architectures.map(String) : [];
}

/** One of Averse's own classifiers, or of an engine's that has models of its own. */
export function isOwn({ config }: ModelFiles): boolean {
  const [architecture, type] = [config.architecture, config.model_type].map(String);
  return /^averse-/.test(architecture!) || /^averse-/.test(type!);
}

function architectureProblems(named: NamedModel, files: ModelFiles): Concern[] {
  if (isOwn(files)) return [];
  const all = architecturesOf(files);
  const found = `${files.place}, a ${all.join(", ") || "model without an architecture in config.json"}`;
  if (named.kind !== "language model") {
    if (all.some((name) => name.includes("SequenceClassification"))) return [];
    const remedy = "Name a model with a classification head.";
    return [problem(named, named.key, found, "a …ForSequenceClassification model", remedy)];
  }
  const expected = "a decoder-only language model such as GPT-2, Llama or Qwen";
  const remedy = "Name a model that generates text.";
  if (files.config.is_encoder_decoder === true) {
    return [problem(named, named.key, `${found}, an encoder-decoder`, expected, remedy)];
  }
  const isOther = all.some((name) =>
    /Classification|MaskedLM|QuestionAnswering|ConditionalGeneration|CTC$/.test(name),
  );
  return isOther ? [problem(named, named.key, found, expected, remedy)] : [];
}

function tokenizerProblems(named: NamedModel, files: ModelFiles): Concern[] {
  const { names, place } = files;
  if (names === null || isOwn(files) || names.some((name) => vocabulary.test(name))) return [];
  return [
    problem(
      named,
      named.key,
      `${place}, which has no tokenizer`,
      "tokenizer.json, tokenizer.model or a vocab file in it",
      "Copy the tokenizer's files into the folder (tokenizer.save_pretrained).",
    ),
  ];
}

interface Label {
  /** For the summary. */
  readonly told: string | null;
  readonly problems: readonly Concern[];
}

function checkLabel(named: NamedModel, files: ModelFiles): Label {
  const { labelKey, labels } = named;
  const names = labelsOf(files);
  if (names === null) {
    const found = `${files.place}, whose config.json has id2label ${JSON.stringify(files.config.id2label)}`;
    const expected = "a different name for each of 0, 1, …";
    return {
      told: null,
      problems: [problem(named, named.key, found, expected, "Correct config.json.")],
    };
  }
  if (named.kind === "preference") return oneOutput(named, files, names);
  const kind = files.config.problem_type === "multi_label_classification" ? " (multi-label)" : "";
  const listed = `${names.length} ${names.length === 1 ? "label" : "labels"}${kind}`;
  if (labels.length === 0) {
    if (names.length <= 2) {
      const chosen = names.at(-1)!;
      const said = names.length === 1 ? listed : `${listed}, ${chosen} is the score`;
      return { told: said, problems: [] };
    }
    const found = `no label of ${files.place}, which has ${names.length}: ${names.join(", ")}`;
    const expected = "the label whose logit is the score";
    const remedy = `Write for example \`label: ${names[0]}\`.`;
    return {
      told: null,
      problems: [problem(named, labelKey ?? named.key, found, expected, remedy)],
    };
  }
  const label = labels.find((one) => !names.includes(one));
  if (label === undefined) {
    const which = labels.length === 1 ? `${labels[0]} is the score` : `${labels.join(", ")} are`;
    return { told: `${listed}, ${which}${labels.length === 1 ? "" : " scored"}`, problems: [] };
  }
  const meant = nearestName(label, names);
  return {
    told: null,
    problems: [
      problem(
        named,
        labelKey ?? named.key,
        `"${label}", which is no label of ${files.place}`,
        `one of ${names.join(", ")}`,
        meant === null ? "Name one of them." : `Did you mean ${meant}?`,
      ),
    ],
  };
}

/** A model of preferences says how good a text is, and nothing else. */
function oneOutput(named: NamedModel, { place }: ModelFiles, names: readonly string[]): Label {
  if (names.length === 1) return { told: "one output", problems: [] };
  const found = `${place}, which has ${names.length} labels: ${names.join(", ")}`;
  const remedy = `Set ${named.key.replace(/model$/, "kind")} to classifier and name the label that is scored.`;
  return { told: null, problems: [problem(named, named.key, found, "one output", remedy)] };
}

/**
 * Names of a classifier's labels by index, as transformers reads them.
 *
 * @returns null: config.json does not name each of 0, 1, … once
 */
export function labelsOf(files: ModelFiles): string[] | null {
  const { config } = files;
  if (isOwn(files)) return [String(config.label ?? "positive")];
  const named = config.id2label;
  if (named === undefined || named === null) {
    const count = config.num_labels ?? 2; // transformers writes neither where there are two
    return typeof count === "number" && Number.isSafeInteger(count) && count >= 1
      ? Array.from({ length: count }, (_, index) => `LABEL_${index}`)
      : null;
  }
  if (!isTree(named)) return null;
  const names = Object.keys(named).map((_, index) => named[String(index)]);
  const known = names.filter((name): name is string => typeof name === "string");
  const isSound =
    known.length > 0 && known.length === names.length && new Set(known).size === known.length;
  return isSound ? known : null;
}
