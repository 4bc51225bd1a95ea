import { expect, test } from "vitest";
import {
  type RiskMeasureName,
  ranksEpisodes,
  riskMeasureNames,
  riskMeasures,
  usesAlpha,
} from "../../../src/risk/measures/registry.js";
import { generator } from "../../../src/stats/random.js";

const returns = [3, -1, 2, -4, 0, 1, -2, 4];

function weights(measure: RiskMeasureName, statistic: readonly number[], kept: number): number[] {
  const random = generator(1);
  const settings = { mixture: 0.5, temperature: 1 };
  return [
    ...riskMeasures[measure].weigh({ statistic, returns, kept, random, ...settings }).weights,
  ];
}

test.each(riskMeasureNames)("what is said of %s holds", (measure) => {
  const few = weights(measure, returns, 2);
  const more = weights(measure, returns, 5);
  const otherwise = weights(measure, returns.toReversed(), 2);
  expect(JSON.stringify(few) !== JSON.stringify(more)).toBe(usesAlpha(measure));
  expect(JSON.stringify(few) !== JSON.stringify(otherwise)).toBe(ranksEpisodes(measure));
});
