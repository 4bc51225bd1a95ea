import { expect, test } from "vitest";
import {
  type RiskMeasureName,
  ranksEpisodes,
  riskMeasureNames,
  riskMeasures,
  usesAlpha,
} from "../../../src/risk/measures/registry.js";
import { generator } from "../../../src/stats/random.js";
import { numbersOf, riskInput } from "./inputs.js";

const returns = [3, -1, 2, -4, 0, 1, -2, 4];

function numbers(measure: RiskMeasureName, statistic: readonly number[], kept: number): string {
  const random = generator(1);
  const input = riskInput(returns, { statistic, kept, random });
  return JSON.stringify([...numbersOf(riskMeasures[measure], input)]);
}

test.each(riskMeasureNames)("what is said of %s holds", (measure) => {
  const few = numbers(measure, returns, 2);
  const more = numbers(measure, returns, 5);
  const otherwise = numbers(measure, returns.toReversed(), 2);
  expect(few !== more).toBe(usesAlpha(measure));
  expect(few !== otherwise).toBe(ranksEpisodes(measure));
});
