import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  familyMember,
  type MetricFamily,
  metricNames,
  metricOf,
  metricWords,
  wordsOfMetric,
} from "../../src/text/metric-words.js";

const families: MetricFamily[] = [
  "reward_mean",
  "tail_reward",
  "cvar_0.1",
  "judge_reward",
  "judge_tail",
];

describe("figures of components and judges", () => {
  test("are told apart from every other figure, and have their name in their words", () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}$/);
    fc.assert(
      fc.property(fc.constantFrom(...families), name, (family, own) => {
        const metric = metricOf(family, own);
        expect(familyMember(metric)).toMatchObject({ family, name: own });
        const words = wordsOfMetric(metric)!;
        expect(words.title).toBe(`${metricWords[family].title}, ${own}`);
        expect(words.better).toBe(metricWords[family].better);
        expect(words.ascii).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  test("no figure of the list is taken for one", () => {
    expect(metricNames.flatMap((name) => familyMember(name) ?? [])).toEqual([]);
  });

  test("an unknown figure has no words", () => {
    expect(wordsOfMetric("reward_mean_")).toBeUndefined();
    expect(wordsOfMetric("toString")).toBeUndefined();
    expect(wordsOfMetric("sparkle")).toBeUndefined();
  });
});

test("titles fit into ASCII where they say so, and no two figures share one", () => {
  const ascii = metricNames.map((name) => metricWords[name].ascii);
  expect(ascii.filter((title) => !/^[\x20-\x7e]+$/.test(title))).toEqual([]);
  expect(new Set(ascii).size).toBe(ascii.length);
});
