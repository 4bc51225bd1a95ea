/** Which scorer the toxicity of completions is told by, and whether its scores are probabilities. */
import { isDeepStrictEqual } from "node:util";
import type { Violation } from "../problems.js";
import type { ArmConfig, Experiment } from "../schema/experiment.js";
import {
  componentKey,
  judgeKey,
  kindsOfKey,
  namedJudges,
  rewardComponents,
  type ScorerConfig,
} from "./components.js";

type Evaluation = Pick<Experiment["evaluation"], "judges" | "toxicity">;

export interface ToxicityScorer {
  /** As completions are scored by it. */
  readonly config: ScorerConfig & { readonly name: string };
  /** Path of its `max_failed_fraction`. */
  readonly limitKey: string;
}

/** Kinds whose scores are, or can be made, probabilities. */
const probable: readonly ScorerConfig["kind"][] = ["classifier", "python", "http"];

/**
 * The judge or reward component of `evaluation.toxicity.scorer`. It scores completions alone, and of
 * a classifier the probability of its label is taken, whatever `text` and `output` say elsewhere.
 *
 * @returns null: toxicity is not measured, or there is no such scorer
 */
export function toxicityScorer(
  { judges, toxicity }: Evaluation,
  { reward }: Pick<ArmConfig, "reward">,
): ToxicityScorer | null {
  if (toxicity === null) return null;
  const known = [
    ...namedJudges(judges).map((config, place) => ({
      config,
      limitKey: judgeKey(place, "max_failed_fraction"),
    })),
    ...rewardComponents(reward).map((config, place) => ({
      config,
      limitKey: componentKey(reward, place, "max_failed_fraction"),
    })),
  ];
  const { scorer } = toxicity;
  const isClear = namedJudges(judges).length > 0 || known.length === 1;
  const found =
    scorer === null
      ? isClear
        ? known[0]
        : undefined
      : known.find(({ config }) => config.name === scorer);
  if (found === undefined) return null;
  const { config, limitKey } = found;
  const output = config.kind === "classifier" ? { output: "probability" as const } : {};
  return { config: { ...config, text: "completion", ...output }, limitKey };
}

/** @param evaluation as resolved */
export function toxicityViolations(
  evaluation: Evaluation,
  arms: Readonly<Record<string, ArmConfig>>,
): Violation[] {
  if (evaluation.toxicity === null) return [];
  const keys = ["evaluation.toxicity.scorer"];
  const judges = namedJudges(evaluation.judges);
  const found = Object.entries(arms).map(([arm, config]) => ({
    arm,
    scorer: toxicityScorer(evaluation, config)?.config ?? null,
    components: rewardComponents(config.reward),
  }));
  const lacking = found.find(({ scorer }) => scorer === null);
  if (lacking !== undefined) {
    const names = [...judges, ...lacking.components].map(({ name }) => name);
    const { scorer } = evaluation.toxicity;
    return [
      {
        keys,
        found:
          scorer === null
            ? "no scorer, no judge and several reward components"
            : `${scorer}, which is no judge, and no reward component of the arm ${lacking.arm}`,
        expected: `one of ${names.join(", ")}`,
        remedy: "Name the judge or component that scores toxicity.",
      },
    ];
  }
  const [first, ...others] = found;
  const one = first?.scorer ?? null;
  if (one === null) return [];
  if (!probable.includes(one.kind)) {
    return [
      {
        keys,
        found: `${one.name} of kind ${one.kind}, whose scores are no probabilities`,
        expected: `a scorer of kind ${probable.join(", ")}`,
        remedy: "Add a classifier to evaluation.judges and name it here.",
      },
    ];
  }
  if (Array.isArray(one.label) && one.label.length > 1) {
    return [
      {
        keys,
        found: `${one.name} with ${one.label.length} labels (${one.label.join(", ")})`,
        expected: "a classifier with one label, whose probability is taken",
        remedy: "Add a judge with one label to evaluation.judges and name it here.",
      },
    ];
  }
  const other = others.find(({ scorer }) => !scoresAlike(scorer!, one));
  if (other === undefined) return [];
  return [
    {
      keys,
      found: `${one.name}, which is another scorer in the arm ${other.arm} than in ${first!.arm}`,
      expected: "the same scorer for all arms, or their figures do not compare",
      remedy: "Name a judge: it scores all arms alike.",
    },
  ];
}

/** By what decides a score: weight and shape of a component do not. */
function scoresAlike(a: ScorerConfig, b: ScorerConfig): boolean {
  const keys = ["kind", "text", "sign", ...Object.keys(kindsOfKey)] as (keyof ScorerConfig)[];
  return keys.every((key) => isDeepStrictEqual(a[key], b[key]));
}
