/**
 * Every figure of an evaluation: its words, digits, and which direction is good. Tables, reports,
 * comparisons and `checkpoint.keep_best` read this one list; a new figure is one entry.
 */

export interface MetricWords {
  /** Title of a column where there is room. */
  readonly title: string;
  /** Where there is little. */
  readonly short: string;
  /** Title without characters outside ASCII. */
  readonly ascii: string;
  readonly digits: number;
  /** The stored figure times this is shown (100 for a fraction in %). */
  readonly factor: number;
  readonly better: "higher" | "lower" | "neither";
  /** One line for a legend. */
  readonly meaning: string;
  /**
   * Where it is shown. `table`: in the terminal and in reports · `check`: reports, beside the
   * results · `cost`: the report's section on what the gain cost alone · `none`: evaluation.json.
   */
  readonly shown: "table" | "check" | "cost" | "none";
  /** What of a policy it tells, for the report's section on cost; null: what was gained. */
  readonly cost: CostAspect | null;
  /** Every evaluation has it, so that a checkpoint can be chosen by it. */
  readonly everywhere: boolean;
}

/** In the section's order. */
export const costAspects = [
  "diversity",
  "fluency",
  "harmless prompts",
  "capability",
  "length",
  "KL",
  "training",
] as const;
export type CostAspect = (typeof costAspects)[number];

interface Entry extends Partial<MetricWords> {
  readonly title: string;
  readonly better: MetricWords["better"];
  readonly meaning: string;
}

function words(entry: Entry): MetricWords {
  const { title } = entry;
  const plain = { short: title, ascii: title, digits: 2, factor: 1 };
  return { ...plain, shown: "none", cost: null, everywhere: false, ...entry };
}

/** Of Li et al. (2016): distinct n-grams over n-grams. */
function distinct(n: 1 | 2 | 3, shown: MetricWords["shown"], what: string): MetricWords {
  return words({
    title: `Dist-${n}`,
    digits: 3,
    better: "higher",
    meaning: `fraction of distinct ${what}; falls when texts repeat themselves`,
    shown,
    cost: "diversity",
    everywhere: true,
  });
}

function distinctPerPrompt(n: 1 | 2 | 3): MetricWords {
  return words({
    title: `Dist-${n} per prompt`,
    short: `D-${n}/prompt`,
    digits: 3,
    better: "higher",
    meaning: `distinct ${n}-grams among the completions of one prompt, mean over prompts`,
    cost: "diversity",
  });
}

function toxicity(title: string, short: string, meaning: string, of: string): MetricWords {
  const among = of === "" ? "" : `, ${of} prompts`;
  return words({
    title: `${title}${among}`,
    short: of === "" ? short : `${short} ${of}`,
    digits: 3,
    better: "lower",
    meaning: `${meaning}${of === "" ? "" : `; ${of} prompts alone`}`,
  });
}

const maxToxicity = [
  "expected max. toxicity",
  "max tox",
  "highest toxicity among a prompt's completions, mean over prompts",
] as const;
const anyToxicity = [
  "toxicity probability",
  "P(tox)",
  "fraction of prompts with at least one toxic completion",
] as const;

/** In the order of a report's columns. */
const known = {
  reward_mean: words({
    title: "mean reward",
    short: "reward",
    better: "higher",
    meaning: "raw reward, mean over all test prompts",
    shown: "table",
    everywhere: true,
  }),
  tail_reward: words({
    title: "tail reward",
    short: "tail",
    better: "higher",
    meaning: "mean over the prompts that score worst on their own",
    shown: "table",
    everywhere: true,
  }),
  "cvar_0.1": words({
    title: "CVaR₀.₁",
    ascii: "CVaR 0.1",
    better: "higher",
    meaning: "mean over the worst tenth of the completions",
    shown: "table",
    everywhere: true,
  }),
  "cvar_0.05": words({
    title: "CVaR₀.₀₅",
    ascii: "CVaR 0.05",
    better: "higher",
    meaning: "mean over the worst twentieth of the completions",
  }),
  harm_rate: words({
    title: "harm rate %",
    short: "harm %",
    digits: 1,
    factor: 100,
    better: "lower",
    meaning: "fraction of completions under the harm threshold",
    shown: "table",
    everywhere: true,
  }),
  judge_reward: words({
    title: "judge reward",
    short: "judge",
    better: "higher",
    meaning: "mean score of a judge that was never trained against",
    shown: "check",
    everywhere: true,
  }),
  judge_tail: words({
    title: "judge tail",
    short: "j-tail",
    better: "higher",
    meaning: "the judge's mean over the worst prompts",
    shown: "check",
    everywhere: true,
  }),
  reward_judged_worst: words({
    title: "reward, judged-worst prompts",
    short: "r judged worst",
    better: "higher",
    meaning: "mean raw reward over the prompts whose completions by SFT the judge scores worst",
  }),
  perplexity: words({
    title: "perplexity",
    short: "ppl",
    digits: 1,
    better: "lower",
    meaning: "on held-out texts of the good class",
    shown: "table",
    cost: "fluency",
    everywhere: true,
  }),
  dist_1: distinct(1, "cost", "tokens"),
  dist_2: distinct(2, "table", "pairs of tokens"),
  dist_3: distinct(3, "cost", "triples of tokens"),
  length_mean: words({
    title: "length",
    digits: 1,
    better: "neither",
    meaning: "generated tokens",
    shown: "table",
    cost: "length",
    everywhere: true,
  }),
  seconds: words({
    title: "seconds",
    short: "sec",
    digits: 0,
    better: "lower",
    meaning: "of SFT or RL training alone, without loading and evaluating",
    shown: "table",
    cost: "training",
  }),
  kl_mean: words({
    title: "KL, nats",
    short: "KL",
    better: "lower",
    meaning: "distance from the SFT policy, nats per episode",
    shown: "check",
    cost: "KL",
    everywhere: true,
  }),
  reward_gain: words({
    title: "reward gain",
    better: "higher",
    meaning: "mean raw reward less the mean score of the prompts alone",
    everywhere: true,
  }),
  expected_max_toxicity: toxicity(...maxToxicity, ""),
  expected_max_toxicity_toxic: toxicity(...maxToxicity, "toxic"),
  expected_max_toxicity_nontoxic: toxicity(...maxToxicity, "harmless"),
  toxicity_probability: toxicity(...anyToxicity, ""),
  toxicity_probability_toxic: toxicity(...anyToxicity, "toxic"),
  toxicity_probability_nontoxic: toxicity(...anyToxicity, "harmless"),
  dist_1_per_prompt: distinctPerPrompt(1),
  dist_2_per_prompt: distinctPerPrompt(2),
  dist_3_per_prompt: distinctPerPrompt(3),
  self_bleu: words({
    title: "self-BLEU",
    digits: 3,
    better: "lower",
    meaning: "how much a completion is made of pieces of the others",
    cost: "diversity",
  }),
  repetition_rate: words({
    title: "repetition %",
    short: "repeat %",
    digits: 1,
    factor: 100,
    better: "lower",
    meaning: "fraction of completions that repeat one piece to the end",
    cost: "diversity",
  }),
  fluency: words({
    title: "fluency (perplexity)",
    short: "fluency",
    digits: 1,
    better: "lower",
    meaning: "perplexity of the completions under a fixed larger language model",
    cost: "fluency",
  }),
  fluency_left_out: words({
    title: "left out of fluency",
    short: "left out",
    digits: 0,
    better: "neither",
    meaning: "completions that are not in the mean: of a perplexity of 10,000 or more, or empty",
    cost: "fluency",
  }),
  toxicity_fluency: words({
    title: "fluency, toxicity completions",
    short: "fluency tox",
    digits: 1,
    better: "lower",
    meaning: "the same of the completions whose toxicity is measured",
    cost: "fluency",
  }),
  toxicity_fluency_left_out: words({
    title: "left out of that",
    short: "left out tox",
    digits: 0,
    better: "neither",
    meaning: "completions that are not in that mean",
    cost: "fluency",
  }),
  harmless_reward: words({
    title: "reward, harmless prompts",
    short: "r harmless",
    better: "higher",
    meaning: "mean raw reward over the prompts outside the tail",
    cost: "harmless prompts",
  }),
  harmless_judge: words({
    title: "judge, harmless prompts",
    short: "j harmless",
    better: "higher",
    meaning: "the judge's mean over the prompts outside the tail",
    cost: "harmless prompts",
  }),
  trained_tokens: words({
    title: "trained tokens, thousands",
    short: "k tokens",
    digits: 0,
    factor: 1e-3,
    better: "lower",
    meaning: "kept episodes × generated tokens × epochs",
    cost: "training",
  }),
} satisfies Readonly<Record<string, MetricWords>>;

export type MetricName = keyof typeof known;

export const metricWords: Readonly<Record<MetricName, MetricWords>> = known;

export const metricNames = Object.keys(known) as MetricName[];

/** Figures of which there is one for each reward component, or for each judge after the first. */
const families = [
  ["reward_mean", "component"],
  ["tail_reward", "component"],
  ["cvar_0.1", "component"],
  ["judge_reward", "judge"],
  ["judge_tail", "judge"],
] as const satisfies readonly (readonly [MetricName, string])[];

export type MetricFamily = (typeof families)[number][0];

/** `tail_reward_politeness`: the same figure of one component's, or one judge's, own scores. */
export function metricOf(family: MetricFamily, name: string): string {
  return `${family}_${name}`;
}

const capabilityPrefix = "capability_";

/**
 * Of a task of lm-evaluation-harness: `capability_arc_easy_acc`.
 *
 * @param metric as the harness names it
 */
export function capabilityMetric(task: string, metric: string): string {
  return `${capabilityPrefix}${task}_${metric}`;
}

export function isCapabilityMetric(metric: string): boolean {
  return metric.startsWith(capabilityPrefix);
}

/** Where the harness's metric ends in it, less is better; all others that tables know are scores. */
const lowerIsBetter = /(perplexity|bits_per_byte|brier_score|_ter|_wer|loss)$/;

/** The words are the harness's own: its documentation says what they mean. */
function capabilityWords(metric: string): MetricWords {
  return words({
    title: metric.slice(capabilityPrefix.length),
    digits: 3,
    better: lowerIsBetter.test(metric) ? "lower" : "higher",
    meaning: "task and metric of lm-evaluation-harness",
    cost: "capability",
  });
}

/** Of one component or judge: which, and of what. */
export interface FamilyMember {
  readonly family: MetricFamily;
  readonly of: "component" | "judge";
  /** Of the component or judge. */
  readonly name: string;
}

/** @returns null: the figure is not of one component, nor of a further judge */
export function familyMember(metric: string): FamilyMember | null {
  if (isKnown(metric)) {
    return null;
  }
  const found = families.find(
    ([family]) => metric.startsWith(`${family}_`) && metric.length > family.length + 1,
  );
  return (
    (found && { family: found[0], of: found[1], name: metric.slice(found[0].length + 1) }) ?? null
  );
}

/** Undefined: a figure that no table knows. */
export function wordsOfMetric(metric: string): MetricWords | undefined {
  if (isKnown(metric)) {
    return known[metric];
  }
  if (isCapabilityMetric(metric)) {
    return capabilityWords(metric);
  }
  const member = familyMember(metric);
  if (member === null) {
    return undefined;
  }
  const { family, of, name } = member;
  const whole = known[family];
  return {
    ...whole,
    title: `${whole.title}, ${name}`,
    short: `${whole.short} ${name}`,
    ascii: `${whole.ascii}, ${name}`,
    meaning:
      of === "component"
        ? `${whole.meaning}, of the raw scores of component ${name}`
        : `${whole.meaning}, of judge ${name}`,
    shown: "none",
    everywhere: false,
  };
}

function isKnown(metric: string): metric is MetricName {
  return Object.hasOwn(known, metric);
}

/** What `checkpoint.keep_best` may name. */
export const keptBestMetrics = metricNames.filter((name) => known[name].everywhere);

/** −1: less is better. */
export function betterSign(metric: string): 1 | -1 {
  return wordsOfMetric(metric)?.better === "lower" ? -1 : 1;
}
