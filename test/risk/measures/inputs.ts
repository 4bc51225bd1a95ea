/** What a risk measure is asked in tests, from what matters there. */
import { riskSchema } from "../../../src/config/schema/risk.js";
import type {
  EpisodeAdvantages,
  EpisodeRewards,
  EpisodeWeights,
  RiskInput,
  RiskMeasure,
  RiskSettings,
} from "../../../src/risk/measures/risk-measure.js";
import { generator } from "../../../src/stats/random.js";

export function settingsOf(changes: Partial<RiskSettings> = {}): RiskSettings {
  return { ...riskSchema.parse({}), ...changes };
}

/**
 * One prompt per episode, no KL, one reward component and a second of zeros, everything kept, unless
 * it says otherwise. With `kept` and without `alpha`, α' is kept over B.
 */
export function riskInput(
  returns: RiskInput["returns"],
  changes: Partial<Omit<RiskInput, "settings">> & { settings?: Partial<RiskSettings> } = {},
): RiskInput {
  const kept = changes.kept ?? returns.length;
  return {
    statistic: returns,
    returns,
    rewards: returns,
    components: [returns, Array.from(returns, () => 0)],
    prompt: Array.from(returns, (_, place) => place),
    population: "batch",
    alpha: kept / returns.length,
    kept,
    beta: 0.2,
    random: generator(0),
    memory: null,
    ...changes,
    settings: settingsOf(changes.settings),
  };
}

/** Its answer, whatever it is. */
export function answerOf(
  measure: RiskMeasure,
  input: RiskInput,
): EpisodeWeights | EpisodeAdvantages | EpisodeRewards {
  switch (measure.answers) {
    case "weights":
      return measure.weigh(input);
    case "advantages":
      return measure.advantages(input);
    case "rewards":
      return measure.rewards(input);
  }
}

/** The array of its answer. */
export function numbersOf(measure: RiskMeasure, input: RiskInput): Float32Array {
  const answer = answerOf(measure, input);
  if ("weights" in answer) {
    return answer.weights;
  }
  return "advantages" in answer ? answer.advantages : answer.rewards;
}
