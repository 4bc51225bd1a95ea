/** The plots of docs/risk.md by name, each drawn from the program's own functions. */
import { riskSchema } from "../../src/config/schema/risk.js";
import { type Batch, selectEpisodes } from "../../src/engine/actions/select-episodes.js";
import {
  type RiskMeasureName,
  riskMeasureNames,
  riskMeasures,
} from "../../src/risk/measures/registry.js";
import { generator } from "../../src/stats/random.js";
import { scatter } from "./scatter.js";

const completions = 8;
const episodes = 128;

/** Sixteen prompts of eight completions, some of them bad, without KL. */
function sample(): Batch {
  const random = generator(7);
  const quality = new Float32Array(episodes);
  const harm = new Float32Array(episodes);
  for (let episode = 0; episode < episodes; episode += 1) {
    quality[episode] = random() + random() + random() - 1 + (episode < episodes / 2 ? 0.4 : 0);
    harm[episode] = random() < 0.25 ? -2.5 * random() : -0.3 * random();
  }
  const trained = quality.map((value, at) => value + harm[at]!);
  return {
    returns: trained,
    lambdaReturns: null,
    rewards: trained,
    trained,
    trainedByComponent: { quality, harm },
    promptScores: null,
    completions,
  };
}

/** What each measure gives each episode of the sample, α = 0.25 in force, at its defaults. */
function plotOf(measure: RiskMeasureName): string {
  const batch = sample();
  const { answers, component } = riskMeasures[measure];
  const isCost = component === "required";
  const risk = riskSchema.parse({ measure, alpha: 0.25, component: isCost ? "harm" : "combined" });
  const position = { step: 0, seed: 1, alpha: 0.25, beta: 0.2, memory: null };
  const { weights, advantages, rewards } = selectEpisodes(risk, batch, position);
  const of = isCost ? batch.trainedByComponent.harm! : batch.returns;
  const mean = of.reduce((sum, value) => sum + value, 0) / episodes;
  const ends = [Math.min(...of), Math.max(...of)];
  const others = isCost ? batch.trainedByComponent.quality! : new Float32Array(episodes);
  const numbers = {
    weights,
    advantages: advantages ?? weights,
    rewards: (rewards ?? weights).map((value, at) => value - others[at]!),
  }[answers];
  const line = {
    weights: { name: "mean: every episode 1", at: () => 1 },
    advantages: { name: "mean: R̄ less its mean", at: (value: number) => value - mean },
    rewards: { name: "the component, or reward, as it is", at: (value: number) => value },
  }[answers];
  return scatter({
    title: `${riskMeasures[measure].words.label}: ${answers} of ${episodes} episodes`,
    x: isCost ? "what the component adds to the reward" : "return R̄",
    y: { weights: "weight", advantages: "advantage", rewards: "reward R'" }[answers],
    name: `${measure}, an episode each`,
    points: [...of].map((value, at) => [value, numbers[at]!] as const),
    line: { name: line.name, points: ends.map((value) => [value, line.at(value)] as const) },
  });
}

export const plots: Readonly<Record<string, () => string>> = Object.fromEntries(
  riskMeasureNames.map((measure) => [measure, () => plotOf(measure)]),
);
