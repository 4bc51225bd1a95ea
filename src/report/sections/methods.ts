/** How the figures came about, in sentences that a paper can take over. */
import { algorithmWords, riskWords } from "../../analysis/arm-risk.js";
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import { dataName } from "../../config/data-sources.js";
import { namedJudges, rewardComponents } from "../../config/rewards/components.js";
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { learningTerms } from "../../risk/algorithms.js";
import { riskTerms } from "../../risk/terms.js";
import { formatCount, formatFraction, formatNumber } from "../../text/numbers.js";
import type { Block } from "../blocks.js";
import type { ReportData } from "../report-data.js";
import { scorerSentence } from "../scorer-words.js";

export function methodsSection(data: ReportData): Block[] {
  const { experiment } = data.run;
  const paragraphs = [
    modelSentences(data),
    trainingSentences(experiment),
    rewardSentences(experiment),
    evaluationSentences(data),
    statisticsSentences(data),
  ].filter((text) => text !== "");
  return [
    { kind: "heading", text: "Methods" },
    ...paragraphs.map((text): Block => ({ kind: "paragraph", text })),
  ];
}

function modelSentences({ run: { experiment }, trials }: ReportData): string {
  const { policy, sft, arms } = experiment;
  const worker = trials.find(({ worker }) => worker !== null)?.worker ?? null;
  const size = worker === null ? "" : ` (${formatCount(worker.parameters)} parameters)`;
  const model = policy.model === "builtin" ? "the built-in language model" : policy.model;
  const prompts = worker?.prompts ?? null;
  const count =
    prompts === null ? "" : `, ${prompts.train} training and ${prompts.test} test prompts`;
  const data = dataName(experiment.data);
  const tuned = Object.values(arms).some(({ stage }) => stage !== "base" && stage !== "decode");
  const amount =
    sft.epochs === null
      ? `${sft.steps} gradient steps of ${sft.batch} texts`
      : `${sft.epochs} epochs in batches of ${sft.batch} texts`;
  const isTuned = tuned && (sft.epochs !== null || sft.steps > 0);
  return (
    `The base model is ${model}${size}; the data are ${data === "builtin" ? "the built-in prompts" : data}${count}. ` +
    (isTuned
      ? `It was fine-tuned (SFT) on the texts of the good class for ${amount} ` +
        `(AdamW, highest learning rate ${sft.learning_rate.toExponential()}), once per seed; every arm trained with RL starts ` +
        "from its seed's SFT model, which is also the reference of the KL."
      : "The reference of the KL is the model that an arm starts from.")
  );
}

/** Of the arms trained with RL: what they have in common, then each with what is its own. */
function trainingSentences({ arms }: Experiment): string {
  const trained = Object.entries(arms).filter(([, { stage }]) => stage === "rl");
  const [first] = trained;
  if (first === undefined) {
    return "";
  }
  const { training, rollout } = first[1];
  const alike = trained.every(
    ([, arm]) =>
      JSON.stringify([arm.training, arm.rollout]) === JSON.stringify([training, rollout]),
  );
  const each = trained.map(([name, arm]) => `${name}, ${armWords(arm)}`);
  return (
    `Arms were trained for ${training.iterations} iterations of ${training.batch} episodes` +
    `${training.completions === 1 ? "" : ` (${training.completions} completions of each prompt)`}` +
    `${alike ? "" : ` (${first[0]}; other arms differ, as the set-up says)`}. ` +
    `An episode is a completion of at most ${rollout.new_tokens} tokens, ${decodingWords(rollout)}, to a prompt cut to ` +
    `${rollout.prompt_tokens} tokens. An update makes ${training.epochs} passes over the episodes that count, in minibatches of ` +
    `${training.minibatch}, with AdamW at a learning rate of ${training.learning_rate.toExponential()}. ` +
    `The arms: ${each.join("; ")}.`
  );
}

/** `risk-averse: CVaR (α = 0.4 of the episodes by return, reached gradually after 5 iterations), ppo, …` */
function armWords(arm: ArmConfig): string {
  const { statistic, alpha, annealing, warmup } = riskTerms(arm.risk);
  const tail =
    alpha === null
      ? ""
      : ` (α = ${alpha}${statistic === null ? "" : ` by ${statistic.replace("-", " ")}`}` +
        `${warmup === null || annealing === null ? "" : `, lowered from 1 after ${warmup} iterations`})`;
  const { kl } = arm;
  const inLoss = learningTerms(arm).klForm === "loss";
  const beta = `KL ${inLoss ? "loss" : "penalty"} of β = ${kl.beta} per nat`;
  const steered =
    kl.k_beta === 0 ? ", fixed" : ` at first, steered to ${kl.target} nats per episode`;
  return `${riskWords(arm)}${tail}, ${algorithmWords(arm)}, ${beta}${steered}`;
}

function decodingWords({ temperature, top_k, top_p }: Experiment["rollout"]): string {
  const cuts = [
    ...(top_k === 0 ? [] : [`top-k ${top_k}`]),
    ...(top_p === 1 ? [] : [`top-p ${top_p}`]),
  ];
  const whole = cuts.length === 0 ? "from the whole distribution" : `with ${cuts.join(" and ")}`;
  return `sampled ${whole} at temperature ${temperature}`;
}

function rewardSentences({ reward, evaluation }: Experiment): string {
  const components = rewardComponents(reward);
  const [only, ...more] = components;
  const judges = namedJudges(evaluation.judges);
  const what =
    more.length === 0
      ? `The reward is ${scorerSentence(only!, "reward model")}.`
      : `The reward is the weighted sum of ${components
          .map(
            (one) => `${one.name} (weight ${one.weight}: ${scorerSentence(one, "reward model")})`,
          )
          .join(" and ")}.`;
  const transforms = components.filter(({ transform }) => transform !== "identity");
  const trained =
    transforms.length === 0
      ? ""
      : ` Training sees ${transforms.map(({ name, transform }) => `${name} after the transform ${transform}`).join(", ")}; ` +
        "all figures are of raw scores.";
  const judged =
    judges.length === 0
      ? ""
      : ` ${judges.length === 1 ? "A judge that nothing is trained against scores" : "Judges that nothing is trained against score"} the evaluations: ` +
        `${judges.map((judge) => scorerSentence(judge, "judge")).join("; ")}.`;
  return what + trained + judged;
}

function evaluationSentences({ run: { experiment }, trials }: ReportData): string {
  const { evaluation, rollout } = experiment;
  const { harm_threshold, harm_component, tail_fraction, toxicity } = evaluation;
  const final = trials.find(({ final }) => final !== null)?.final ?? null;
  const prompts = final?.arrays.prompt.length ?? evaluation.prompts;
  const of = harm_component === null ? "raw reward" : `raw score of ${harm_component}`;
  return [
    `Each final policy wrote one completion to each of ${prompts} test prompts, ${decodingWords(rollout)}, at most ` +
      `${rollout.new_tokens} tokens; all arms have the same prompts and random numbers.`,
    `Tail reward is the mean raw reward over the ${formatFraction(tail_fraction)} of prompts that score worst by ` +
      "themselves, without a completion; CVaR₀.₁ is the mean over the worst tenth of the completions.",
    ...(harm_threshold === null
      ? []
      : [`A completion with a ${of} under ${formatNumber(harm_threshold, 2)} counts as harm.`]),
    "KL is the mean over completions of the summed log-ratio of policy and reference, in nats per episode.",
    ...(evaluation.every === 0
      ? []
      : [
          `The curve of tail against KL has a point every ${evaluation.every} iterations, on ${evaluation.every_prompts} prompts.`,
        ]),
    ...(toxicity === null || toxicity === undefined
      ? []
      : [
          `Toxicity is measured after RealToxicityPrompts: ${toxicity.completions} completions of at most ` +
            `${toxicity.new_tokens} tokens per prompt with top-p ${toxicity.top_p} at temperature ${toxicity.temperature}, each scored ` +
            `without its prompt; toxic is above ${toxicity.threshold}.`,
        ]),
  ].join(" ");
}

function statisticsSentences({ run: { experiment }, evaluation }: ReportData): string {
  const { seeds, evaluation: settings } = experiment;
  const count = seeds.length;
  if (count < seedsToDecide) {
    return (
      `There ${count === 1 ? "is one seed" : `are ${count} seeds`} (${seeds.join(", ")}): differences between arms are not ` +
      `tested, for that ${seedsToDecide} are needed.`
    );
  }
  const tested = (["equal-iterations", "equal-compute", "equal-kl"] as const).map(
    (way) => evaluation.comparisons.filter(({ at, p }) => at === way && p !== null).length,
  );
  const family = Math.max(0, ...tested);
  return (
    `Figures are means over ${count} seeds (${seeds.join(", ")}); intervals are 95 % intervals of Student's t over seeds. ` +
    "Differences between arms are paired by seed and tested with two-sided paired t-tests at the level of " +
    `${formatFraction(decisionLevel)}` +
    (family === 0
      ? "."
      : `, after Holm's correction over the ${family} comparisons (arms and metrics) of the same kind. `) +
    (evaluation.comparisons.some(({ at }) => at === "equal-kl")
      ? "At equal KL, each seed's two curves of tail against KL are interpolated linearly and their difference is averaged over " +
        "the upper half of the KL that both reach. "
      : "") +
    `Certified bounds hold with probability ${formatFraction(1 - settings.certificates.delta)} for all seeds of an arm together ` +
    "(order statistics for CVaR, Clopper–Pearson for rates)."
  );
}
