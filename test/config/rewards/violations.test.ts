import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError } from "../../../src/config/problems.js";
import { rewardComponents } from "../../../src/config/rewards/components.js";
import { scratchFile } from "../scratch-files.js";

const head = "name: x\nevaluation: {harm_threshold: 0}\n";

function load(yaml: string, ...set: string[]) {
  return loadExperiment(scratchFile(`${head}${yaml}`), set).experiment;
}

function refusal(yaml: string, ...set: string[]): string {
  try {
    load(yaml, ...set);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(/^\/\S*\//gm, "");
    throw error;
  }
  return "";
}

describe("a reward", () => {
  test("is one component, or a list in which each has a name of its own", () => {
    const one = load("reward: {kind: length}\n");
    expect(rewardComponents(one.reward)).toMatchObject([{ name: "reward", kind: "length" }]);
    const two = load("reward: [{kind: length, weight: 0.5}, {kind: lexicon, words: [bad]}]\n");
    expect(rewardComponents(two.arms.rlhf!.reward)).toMatchObject([
      { name: "length", weight: 0.5 },
      { name: "lexicon", weight: 1, words: ["bad"] },
    ]);
    expect(refusal("reward: [{kind: length}, {kind: length}]\n")).toContain(
      "found the name length twice, expected a name of its own for each",
    );
  });

  test.each([
    ["{kind: length, label: a}", "`label` with the kind length, expected the kind classifier"],
    ["{kind: python, function: m:f, url: 'http://x'}", "`url` with the kind python"],
    ["{kind: lexicon, words: [a], model: rm}", "expected the kind classifier or preference"],
    ["{kind: python}", "the kind python without `function`"],
    ["{kind: http}", "the kind http without `url`"],
    ["{kind: lexicon}", "the kind lexicon without `words`"],
    ["{kind: python, function: score}", "expected file.py:function, or module:function"],
    ["{kind: preference}", "the kind preference without a model of its own"],
    ["{model: a/b, label: [x, y]}", "2 labels with the output logit"],
    ["{model: a/b, label: [x, x], output: max}", "one of them twice"],
    ["{model: a/b, label: x, output: margin}", "expected two labels for the output margin"],
    ["{output: max}", "the output max of the builtin reward model"],
    ["{kind: http, url: 'ftp://x'}", "begins with http:// or https://"],
    ["{kind: http, url: 'http://example.org'}", "an unencrypted connection to example.org"],
    ["{kind: http, url: 'https://me:pw@example.org'}", "a name or password in it"],
    ["{kind: http, url: 'http://127.0.0.1', token_env: 'a b'}", "token_env"],
    ["{threshold: 1}", "a threshold with the transform identity"],
    ["{weight: 0}", "a reward whose weights are all 0"],
    ["{weight: -1}", "expected a number at least 0"],
    ["[]", "reward"],
    ["{kind: lentgh}", "Did you mean length?"],
    ["[{kind: length, unitt: words}]", "Did you mean reward.0.unit?"],
  ])("%s is refused", (reward, told) => {
    expect(refusal(`reward: ${reward}\n`)).toContain(told);
  });

  test.each([
    "{kind: http, url: 'http://[::1]:8000/x'}",
    "{kind: http, url: 'http://localhost/x', token_env: TOKEN}",
    "{kind: http, url: 'http://example.org/x', allow_insecure: true}",
    "{model: a/b, label: [x, y], output: margin}",
    "{model: a/b, output: probability, transform: hinge, threshold: 0.5}",
  ])("%s is not", (reward) => {
    expect(refusal(`reward: ${reward}\n`)).toBe("");
  });

  test("is changed by --set by place in a list, and by key alone where there is one", () => {
    const list = "reward: [{kind: length}, {kind: lexicon, words: [bad]}]\n";
    const set = load(list, "reward.1.weight=2", "reward.0.unit=words");
    expect(rewardComponents(set.arms.rlhf!.reward)).toMatchObject([
      { unit: "words" },
      { weight: 2 },
    ]);
    expect(refusal(list, "reward.weight=2")).toContain("Write for example --set reward.0.weight=");
    expect(refusal(list, "reward.2.weight=2")).toContain("a place of the list, from 0 to 1");
    expect(refusal("", "reward.0.weight=2")).toContain("found a place of a list");
    expect(rewardComponents(load("", "reward=[{kind: length}]").reward)).toHaveLength(1);
    expect(refusal("", "risk.0.alpha=0.2")).toContain("unknown key");
  });

  test("is changed by an arm by key, by place, or as a whole", () => {
    const arms = (own: string) => `arms:\n  rlhf:\n  mine: {reward: ${own}}\n`;
    const of = (yaml: string) => rewardComponents(load(yaml).arms.mine!.reward);
    expect(of(`reward: {model: a/b, label: x}\n${arms("{sign: -1}")}`)).toMatchObject([
      { model: "a/b", label: "x", sign: -1 },
    ]);
    // Another kind's keys have nothing to do with the experiment's.
    expect(of(`reward: {model: a/b, label: x}\n${arms("{kind: length}")}`)).toMatchObject([
      { kind: "length", model: "builtin", label: null },
    ]);
    const list = "reward: [{kind: length}, {kind: lexicon, words: [bad]}]\n";
    expect(of(`${list}${arms("{1: {weight: 3}}")}`)).toMatchObject([
      { kind: "length" },
      { kind: "lexicon", weight: 3 },
    ]);
    expect(of(`${list}${arms("[{kind: length}]")}`)).toHaveLength(1);
    expect(refusal(`${list}${arms("{weight: 3}")}`)).toContain(
      "arms.mine.reward: found keys of one component, of an experiment whose `reward` is a list",
    );
  });
});

describe("judges", () => {
  const refused = (reward: string, judges: string): string => {
    const yaml = `name: x\nreward: ${reward}\nevaluation: {harm_threshold: 0, judges: ${judges}}\n`;
    try {
      loadExperiment(scratchFile(yaml), []);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  test("that are the reward itself are refused, whatever their sign, output and text", () => {
    const own = "{model: a/b, label: x}";
    expect(refused(own, "[{model: a/b, label: x, sign: -1}]")).toContain(
      "a judge that is the reward component reward itself (a/b)",
    );
    expect(refused(own, "[{model: a/b, label: y}]")).toBe("");
    expect(refused(own, "[{model: a/b, label: x, text: completion}]")).toContain("itself");
    expect(refused(own, "[{model: a/b, label: x, output: probability}]")).toContain("itself");
    expect(
      refused(`[${own}, {name: b, model: c/d, label: x, weight: 0}]`, "[{model: c/d, label: x}]"),
    ).toBe("");
    const remote = "{kind: http, url: 'http://localhost/x'}";
    expect(refused(remote, "[{kind: http, url: 'http://localhost/x', retries: 1}]")).toContain(
      "itself",
    );
    expect(refused(own, "[{kind: length}, {kind: length}]")).toContain("twice");
    expect(refused(own, "[{}]")).toContain("the built-in judge beside a reward");
    expect(refused("{}", "[{}]")).toBe("");
  });

  test("are the built-in one with the built-in reward alone, and the old key is told", () => {
    expect(load("").evaluation.judges).toMatchObject([{ model: "builtin" }]);
    expect(load("reward: {kind: length}\n").evaluation.judges).toEqual([]);
    expect(load("arms: {sft: , rlhf: {reward: {kind: length}}}\n").evaluation.judges).toEqual([]);
    const old = "name: x\nevaluation: {judge: null}\n";
    expect(() => loadExperiment(scratchFile(old), [])).toThrow(/evaluation\.judges/);
  });
});

describe("the harm threshold", () => {
  const of = (yaml: string) => loadExperiment(scratchFile(`name: x\n${yaml}`), []).experiment;

  test.each([
    ["", -2],
    ["reward: {weight: 2}\n", -4],
    ["reward: {model: a/b, output: probability}\n", 0.5],
    ["reward: {model: a/b, output: probability, sign: -1}\n", -0.5],
    [
      "reward: [{name: p, model: a/b, output: probability}, {kind: length}]\n" +
        "evaluation: {harm_component: p}\n",
      0.5,
    ],
    ["reward: {kind: length}\nevaluation: {harm_threshold: null}\n", null],
    ["reward: {kind: length}\nevaluation: {harm_threshold: 3}\n", 3],
  ])("%j is %j", (yaml, threshold) => {
    expect(of(yaml).evaluation.harm_threshold).toBe(threshold);
  });

  test.each([
    "reward: {model: a/b}\n",
    "reward: {kind: length}\n",
    "reward: [{name: p, model: a/b, output: probability}, {kind: length}]\n",
    "arms: {sft: , rlhf: {reward: {kind: length}}}\n",
  ])("%j has none, and it is asked for", (yaml) => {
    expect(() => of(yaml)).toThrow(/found no harm threshold.*Set evaluation\.harm_threshold/);
  });

  test("of a component that there is not is refused", () => {
    expect(() => of("evaluation: {harm_component: p}\n")).toThrow(
      /the component p, which the reward of the arm sft lacks, expected one of reward/,
    );
  });
});
