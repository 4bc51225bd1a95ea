/** Stages and what names them: names that are there, no circles, options that fit. */
import { nearestName } from "../../text/nearest-name.js";
import { violationProblem } from "../checks.js";
import { placeViolations } from "../data-checks.js";
import type { GivenValues } from "../given-values.js";
import { type KeyPath, valueAtKey } from "../key-path.js";
import type { ConfigProblem } from "../problems.js";
import type { Experiment } from "../schema/experiment.js";
import type { StageConfig } from "../schema/stages.js";
import { baseStage, stageReferences } from "./references.js";

/**
 * @param experiment resolved; an arm has the values of the sections that it does not change
 * @returns every problem; of a value that several arms share, one
 */
export function stageProblems(experiment: Experiment, given: GivenValues): ConfigProblem[] {
  return [
    ...referenceProblems(experiment, given),
    ...circles(experiment, given),
    ...optionProblems(experiment, given),
  ];
}

/** Names of stages that no key names, directly or as a base of another that is named. */
export function unusedStages(experiment: Experiment): string[] {
  const { stages, ...rest } = experiment;
  const used = new Set<string>();
  const visit = (name: string): void => {
    if (used.has(name) || !Object.hasOwn(stages, name)) return;
    used.add(name);
    const base = baseStage(stages[name]!);
    if (base !== null) visit(base);
  };
  for (const { name } of stageReferences(rest)) visit(name);
  return Object.keys(stages).filter((name) => !used.has(name));
}

function referenceProblems(experiment: Experiment, given: GivenValues): ConfigProblem[] {
  const names = Object.keys(experiment.stages);
  return stageReferences(experiment).flatMap(({ path, name }) => {
    const source = sourceOf(path, given);
    if (!names.includes(name)) {
      const near = nearestName(name, names);
      return [
        {
          place: given.of(source),
          key: source.join("."),
          found: `"stage:${name}", but there is no stage ${name}`,
          expected:
            names.length === 0
              ? "a stage of the section stages, which is empty"
              : `one of ${names.map((one) => `stage:${one}`).join(", ")}`,
          remedy: near === null ? "Add it under stages." : `Did you mean stage:${near}?`,
        },
      ];
    }
    const wrong = wrongKind(path, experiment.stages[name]!.kind);
    if (wrong !== null) {
      return [
        {
          place: given.of(source),
          key: source.join("."),
          found: `"stage:${name}", a ${experiment.stages[name]!.kind.replace("_", " ")}`,
          expected: `a stage of kind ${wrong}`,
          remedy: "Name a stage of that kind, or change what the stage is.",
        },
      ];
    }
    const beside = [...path.slice(0, -1), "revision"];
    const revision = valueAtKey(experiment, beside);
    return typeof revision !== "string"
      ? []
      : [
          {
            place: given.of(sourceOf(beside, given)),
            key: sourceOf(beside, given).join("."),
            found: `the revision ${revision} of a stage's model`,
            expected: "a revision of a model from the Hugging Face hub alone",
            remedy: "Leave the revision out.",
          },
        ];
  });
}

/** @returns kinds that the key takes; null: this one */
function wrongKind(path: KeyPath, kind: StageConfig["kind"]): string | null {
  // A stage goes on from any model: a classifier's trunk is a language model's.
  if (path[0] === "stages") return null;
  const generates = ["policy", "fluency", "decoding"].some((key) => path.includes(key));
  return generates === (kind === "language_model")
    ? null
    : generates
      ? "language_model"
      : "classifier or reward_model";
}

function circles({ stages }: Experiment, given: GivenValues): ConfigProblem[] {
  const inCircle = Object.keys(stages).filter((name) => {
    const seen = new Set<string>();
    let next = baseStage(stages[name]!);
    while (next !== null && Object.hasOwn(stages, next) && !seen.has(next)) {
      if (next === name) return true;
      seen.add(next);
      next = baseStage(stages[next]!);
    }
    return false;
  });
  const [first] = inCircle;
  if (first === undefined) return [];
  const path = ["stages", first, "base"];
  return [
    {
      place: given.of(path),
      key: path.join("."),
      found: `a circle: ${inCircle.join(", ")} go on from each other`,
      expected: "a base that does not follow from the stage itself",
      remedy: "Let one of them begin with another model, or with an architecture.",
    },
  ];
}

function optionProblems({ stages }: Experiment, given: GivenValues): ConfigProblem[] {
  return Object.entries(stages).flatMap(([name, stage]) => {
    const at = (key: string, found: string, expected: string, remedy: string): ConfigProblem => {
      const path = ["stages", name, key];
      return { place: given.of(path), key: path.join("."), found, expected, remedy };
    };
    const problems = placeViolations(stage.data, `stages.${name}.data`).map((violation) =>
      violationProblem(violation, null, given),
    );
    if (stage.steps !== null && stage.epochs !== null) {
      problems.push(at("epochs", "both steps and epochs", "one of them", "Remove one of them."));
    }
    if (stage.steps === null && stage.epochs === null) {
      problems.push(
        at("steps", "neither steps nor epochs", "one of them", "Add epochs: 1, for example."),
      );
    }
    if (stage.kind === "reward_model" && stage.data.columns?.text && stage.data.good === null) {
      problems.push(
        at(
          "data",
          "texts to make pairs of, and no class of the better ones",
          "the class in data.good, or the columns chosen and rejected",
          "Add data.good, as in {columns: {text: review, label: label}, good: 1}.",
        ),
      );
    }
    if (stage.early_stopping > 0 && stage.held_out_every === 0) {
      problems.push(
        at(
          "early_stopping",
          `early_stopping ${stage.early_stopping} with a held-out loss that is never measured`,
          "held_out_every of 1 or more",
          "Set held_out_every to a number of steps, or early_stopping to 0.",
        ),
      );
    }
    const { base } = stage;
    if ("architecture" in base && stage.max_tokens > base.context) {
      problems.push(
        at(
          "max_tokens",
          `max_tokens ${stage.max_tokens} with a context of ${base.context}`,
          "max_tokens of at most base.context",
          `Set max_tokens to ${base.context} or lower, or raise base.context.`,
        ),
      );
    }
    if (
      "architecture" in base &&
      base.architecture === "distilbert" &&
      stage.kind === "language_model"
    ) {
      problems.push(
        at(
          "base",
          "a distilbert, an encoder, as a language model",
          "gpt2 or llama",
          "Name one of them.",
        ),
      );
    }
    if ("architecture" in base && base.width % base.heads !== 0) {
      problems.push(
        at(
          "base",
          `a width of ${base.width} with ${base.heads} heads`,
          "heads that divide width",
          `Set width to ${Math.ceil(base.width / base.heads) * base.heads}, for example.`,
        ),
      );
    }
    return problems;
  });
}

/** Where a value was given: an arm has the section's, unless it sets it itself. */
function sourceOf(path: KeyPath, given: GivenValues): KeyPath {
  const isArms = path[0] === "arms";
  return isArms && given.origin(path) === "default" ? path.slice(2) : path;
}
