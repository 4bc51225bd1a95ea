import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { scratchFile } from "./scratch-files.js";

function load(yaml: string, ...set: string[]) {
  return loadExperiment(scratchFile(yaml), set);
}

/** Every problem as its line says it, the file's folder left out. */
function refusal(yaml: string, ...set: string[]): string[] {
  try {
    load(yaml, ...set);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.message.split("\n").map((line) => line.replace(/^\/\S*\//, ""));
    }
    throw error;
  }
  return [];
}

describe("a sound experiment", () => {
  test("has the paper's defaults for all that it leaves out", () => {
    const { experiment } = load("name: tiny\n");
    expect(Object.keys(experiment.arms)).toEqual(["sft", "rlhf", "ra-rlhf"]);
    expect(experiment.training).toMatchObject({
      iterations: 194,
      batch: 128,
      learning_rate: 1.41e-5,
    });
    expect(experiment.kl).toMatchObject({ target: 6, beta: 0.2, k_beta: 0.0128 });
    expect(experiment.risk).toMatchObject({ measure: "cvar", alpha: 0.4, warmup: 30, rho: 0.95 });
  });

  test("gives its text back as written, comments and all", () => {
    const yaml = "# mine\nname: tiny # yes\n";
    expect(load(yaml).text).toBe(yaml);
  });

  test("may begin with a byte order mark and end its lines with CR LF", () => {
    expect(load("\ufeffname: tiny\r\nseeds: [1, 2]\r\n").experiment.seeds).toEqual([1, 2]);
  });

  test("says of every key who gave it", () => {
    const { origins } = load(
      "name: tiny\nrisk: {alpha: 0.3}\narms:\n  mine: {kl: {beta: 0.1}}\n",
      "risk.rho=0.5",
      "arms.mine.kl.k_beta=0",
    );
    expect(origins).toMatchObject({
      name: "file",
      arms: "file",
      seeds: "default",
      "risk.alpha": "file",
      "risk.rho": "override",
      "risk.measure": "default",
      "arms.mine.kl.beta": "file",
      "arms.mine.kl.k_beta": "override",
    });
  });
});

describe("arms", () => {
  test("that --set leaves out give up the headline, which the file alone may have given them", () => {
    const file = "name: tiny\narms: [sft, rlhf, ra-rlhf]\nevaluation: { headline: ra-rlhf }\n";
    const headline = (...set: string[]) => load(file, ...set).experiment.evaluation.headline;
    expect(headline()).toBe("ra-rlhf");
    expect(headline("arms=sft,ra-rlhf")).toBe("ra-rlhf");
    expect(headline("arms=rlhf")).toBeNull();
    expect(() => headline("arms=rlhf", "evaluation.headline=ra-rlhf")).toThrow("the arm ra-rlhf");
  });

  test("known ones differ by their preset alone", () => {
    const { arms } = load("name: tiny\narms: [base, sft, rlhf, ra-rlhf, random-drop]\n").experiment;
    const { stage, risk, ...rest } = arms["ra-rlhf"]!;
    expect([stage, risk.measure]).toEqual(["rl", "cvar"]);
    expect(arms.rlhf).toEqual({ stage, ...rest, risk: { ...risk, measure: "mean" } });
    expect(arms["random-drop"]).toEqual({
      stage,
      ...rest,
      risk: { ...risk, measure: "random-drop" },
    });
    expect(arms.base!.stage).toBe("base");
    expect(arms.sft!.stage).toBe("sft");
  });

  test("the details of the paper's code are an arm of their own", () => {
    const { arms } = load("name: tiny\narms: [ra-rlhf, ra-rlhf-paper]\n").experiment;
    const { risk, kl, training } = arms["ra-rlhf"]!;
    expect(arms["ra-rlhf-paper"]).toEqual({
      ...arms["ra-rlhf"],
      risk: { ...risk, measure: "cvar", statistic: "lambda-return", ties: "kept" },
      kl: { ...kl, form: "return", population: "kept-over-batch" },
      training: { ...training, steps: "fixed" },
    });
    expect(() =>
      load("name: tiny\narms: {ra-rlhf-paper: {risk: {measure: mean, ties: exact}}}\n"),
    ).toThrow("found the arm ra-rlhf-paper with the risk-neutral measure mean");
  });

  test.each([
    ["risk: {measure: random-drop, ties: kept}", "the measure random-drop, population batch"],
    [
      "risk: {ties: kept, population: prompt}, training: {completions: 8}",
      "the measure cvar, population prompt",
    ],
    ["sampling: {strategy: cross-entropy}, risk: {ties: kept}", "importance weights"],
  ])("ties are kept where the lowest of a batch have weights alone: %s", (arm, words) => {
    expect(() => load(`name: tiny\narms: {mine: {${arm}}}\n`)).toThrow(
      `found ties kept with ${words}`,
    );
  });

  test("take the experiment's sections, then the preset, then their own keys", () => {
    const { arms } = load(
      "name: tiny\nrisk: {alpha: 0.3, rho: 0.5}\nkl: {beta: 0.5}\narms:\n  rlhf:\n  mine:\n    risk: {rho: 0.7}\n",
    ).experiment;
    expect(arms.rlhf!.risk).toMatchObject({ measure: "mean", alpha: 0.3, rho: 0.5 });
    expect(arms.mine!.risk).toMatchObject({ measure: "cvar", alpha: 0.3, rho: 0.7 });
    expect(arms.mine!.kl.beta).toBe(0.5);
    expect(arms.mine!.stage).toBe("rl");
  });

  test("that of the risk measure follows the experiment's own measure", () => {
    const { arms } = load("name: tiny\n", "risk.measure=entropic").experiment;
    expect(arms["ra-rlhf"]!.risk.measure).toBe("entropic");
    expect(arms.rlhf!.risk.measure).toBe("mean");
  });

  const own = "name: tiny\narms:\n  sft:\n  mine: {kl: {beta: 0.1}}\n";

  test.each([
    ["arms=[sft, rlhf]", ["sft", "rlhf"]],
    ["arms=rlhf,mine", ["rlhf", "mine"]],
    ["arms=base", ["base"]],
    ["arms={a: {kl: {beta: 1}}, sft: null}", ["a", "sft"]],
  ])("--set %s selects among the file's and the known ones", (set, names) => {
    expect(Object.keys(load(own, set).experiment.arms)).toEqual(names);
  });

  test("a selected arm keeps what the file says of it", () => {
    expect(load(own, "arms=rlhf,mine").experiment.arms.mine!.kl.beta).toBe(0.1);
  });

  test("--set on one arm changes that arm, whichever order the overrides come in", () => {
    for (const set of [
      ["arms=rlhf,ra-rlhf", "arms.ra-rlhf.risk.alpha=0.2"],
      ["arms.ra-rlhf.risk.alpha=0.2", "arms=rlhf,ra-rlhf"],
    ]) {
      const { arms, risk } = load("name: tiny\n", ...set).experiment;
      expect(arms["ra-rlhf"]!.risk.alpha).toBe(0.2);
      expect([arms.rlhf!.risk.alpha, risk.alpha]).toEqual([0.4, 0.4]);
    }
  });

  test("an arm's name may have dots", () => {
    const yaml = "name: tiny\narms: {v1.2: {kl: {beta: 1}}}\n";
    expect(load(yaml, "arms.v1.2.risk.alpha=0.2").experiment.arms["v1.2"]!.risk.alpha).toBe(0.2);
  });

  test("no arm is known by the name of what every object has", () => {
    expect(refusal("name: tiny\narms: {constructor: }\n")[0]).toContain(
      "an arm that changes nothing",
    );
  });
});

describe("overrides", () => {
  test.each([
    ["policy.model=124", "policy", "model", "124"],
    ["policy.model=some/folder", "policy", "model", "some/folder"],
    ["training.learning_rate=1e-5", "training", "learning_rate", 1e-5],
    ["training.prefix_baseline=true", "training", "prefix_baseline", true],
    ["reward.label=", "reward", "label", null],
    ["evaluation.harm_threshold=null", "evaluation", "harm_threshold", null],
  ])("--set %s", (set, section, key, value) => {
    const { experiment } = load("name: tiny\n", set);
    expect((experiment as unknown as Record<string, Record<string, unknown>>)[section]![key]).toBe(
      value,
    );
  });

  test("lists need no brackets", () => {
    expect(load("name: tiny\n", "seeds=3,4,5").experiment.seeds).toEqual([3, 4, 5]);
    expect(load("name: tiny\n", "seeds=[3]").experiment.seeds).toEqual([3]);
    expect(load("name: tiny\n", "seeds=7").experiment.seeds).toEqual([7]);
  });

  test("a section takes a map, key by key", () => {
    const { risk } = load(
      "name: tiny\nrisk: {rho: 0.5}\n",
      "risk={alpha: 0.2, warmup: 3}",
    ).experiment;
    expect(risk).toMatchObject({ alpha: 0.2, warmup: 3, rho: 0.5 });
  });

  test("a map takes its entries one by one, or all at once", () => {
    const options = (...set: string[]) =>
      load("name: tiny\n", ...set).experiment.backend.engine_options;
    expect(options()).toEqual({});
    expect(options("backend.engine_options={a: 1, b: [x]}")).toEqual({ a: 1, b: ["x"] });
    const one = "backend.engine_options.a=1";
    expect(options(one, "backend.engine_options.b=x")).toEqual({ a: 1, b: "x" });
    const odd = options("backend.engine_options.__proto__=1", one);
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype);
    expect(Object.keys(odd)).toContain("a");
    expect(refusal("name: tiny\n", "backend.engine_options.a.b=1")[0]).toContain("unknown key");
  });

  test("the later of two on one key counts", () => {
    expect(load("name: tiny\n", "risk.alpha=0.2", "risk.alpha=0.3").experiment.risk.alpha).toBe(
      0.3,
    );
  });
});

describe("refused, with file, line, column, key, finding and remedy", () => {
  const name = "name: tiny\n";
  test.each([
    [
      "an unknown key",
      `${name}risk:\n  alhpa: 0.2\n`,
      "x.yaml:3:3: risk.alhpa: found an unknown key, expected a known key. Did you mean risk.alpha?",
    ],
    [
      "a key of another section",
      `${name}alpha: 0.2\n`,
      "x.yaml:2:1: alpha: found an unknown key, expected a known key. Did you mean risk.alpha?",
    ],
    [
      "another spelling",
      `${name}rollout: {newTokens: 3}\n`,
      "x.yaml:2:11: rollout.newTokens: found an unknown key, expected a known key. Did you mean rollout.new_tokens?",
    ],
    [
      "a wrong type",
      `${name}training:\n  batch: many\n`,
      'x.yaml:3:10: training.batch: found the text "many", expected a whole number over 0 and at most 1048576.',
    ],
    [
      "a number where text is due",
      "name: 2024\n",
      "x.yaml:1:7: name: found 2024, expected lower-case letters",
    ],
    [
      "a fraction where a whole number is due",
      `${name}seeds: [0, 1.5]\n`,
      "x.yaml:2:12: seeds.1: found 1.5, expected a list of whole numbers",
    ],
    [
      "a figure that evaluations do not have, with all that they have",
      `${name}checkpoint:\n  keep_best: dist_4\n`,
      'x.yaml:3:14: checkpoint.keep_best: found the text "dist_4", expected one of reward_mean, tail_reward, cvar_0.1, harm_rate, judge_reward, judge_tail, perplexity, dist_1, dist_2, dist_3, length_mean, kl_mean, reward_gain, or null. Did you mean dist_1?',
    ],
    [
      "α = 0",
      `${name}risk: {alpha: 0}\n`,
      "x.yaml:2:15: risk.alpha: found 0, expected a number over 0 and at most 1.",
    ],
    [
      "α > 1",
      `${name}risk: {alpha: 1.01}\n`,
      "x.yaml:2:15: risk.alpha: found 1.01, expected a number over 0 and at most 1.",
    ],
    [
      "α that is no number",
      `${name}risk: {alpha: .nan}\n`,
      "x.yaml:2:15: risk.alpha: found NaN, expected a number over 0 and at most 1.",
    ],
    ["an unknown choice", `${name}risk: {measure: cvra}\n`, "Did you mean cvar?"],
    [
      "a section that is none",
      `${name}risk: 0.4\n`,
      "x.yaml:2:7: risk: found 0.4, expected a map of keys.",
    ],
    [
      "an empty section's key",
      `${name}risk:\n  alpha:\n`,
      "x.yaml:3:9: risk.alpha: found null (nothing after the colon), expected a number",
    ],
    ["no name", "seeds: [1]\n", "x.yaml:1:1: name: found nothing, expected lower-case letters"],
    [
      "a name that leads out of the runs folder",
      "name: ../../etc\n",
      "x.yaml:1:7: name: found the text",
    ],
    [
      "a warm start that does not end",
      `${name}training: {iterations: 20}\nrisk: {warmup: 19}\n`,
      "x.yaml:3:16: risk.warmup: found warmup 19 with 20 iterations and rho 0.95, expected warmup under ⌈ρM⌉ = 19",
    ],
    [
      "a batch too small for α",
      `${name}training: {batch: 4}\nrisk: {alpha: 0.2}\n`,
      "x.yaml:2:19: training.batch: found a batch too small for α: ⌈α·B⌉ = ⌈0.2 · 4⌉ = 1 episode, expected at least 2 kept episodes. Raise training.batch to at least 6",
    ],
    [
      "min over max",
      `${name}rollout: {min_new_tokens: 60}\n`,
      "x.yaml:2:27: rollout.min_new_tokens: found min_new_tokens 60 over new_tokens 48",
    ],
    [
      "a revision of what is no model from the hub",
      `${name}reward: {revision: main}\n`,
      "x.yaml:2:20: reward.revision: found the revision main of the builtin reward model",
    ],
    [
      "a stratum without an episode",
      `${name}sampling: {strategy: stratified, batch_fraction: 0.001}\n`,
      "x.yaml:2:50: sampling.batch_fraction: found a batch_fraction of 0.001, which is 0 of 128 prompts",
    ],
    [
      "a headline arm that is not trained",
      `${name}evaluation:\n  headline: hard\n`,
      "x.yaml:3:13: evaluation.headline: found the arm hard, which this experiment does not train " +
        "with RL, expected one of rlhf, ra-rlhf, or null",
    ],
    [
      "a headline arm without RL",
      `${name}evaluation:\n  headline: sft\n`,
      "evaluation.headline: found the arm sft, which this experiment does not train with RL",
    ],
    [
      "a seed twice",
      `${name}seeds: [1, 2, 1]\n`,
      "x.yaml:2:8: seeds: found the seed 1 more than once",
    ],
    ["an arm twice", `${name}arms: [sft, sft]\n`, "x.yaml:2:13: arms: found the arm sft twice"],
    ["no arm", `${name}arms: []\n`, "x.yaml:2:7: arms: found the list [], expected a list of arms"],
    [
      "an unknown arm",
      `${name}arms: [sft, rlfh]\n`,
      'x.yaml:2:13: arms: found the unknown arm "rlfh", expected one of base, sft, rlhf, ra-rlhf, ra-rlhf-paper, ra-rlhf-ce, hard, hard-kl, kl-loss, random-drop, raft, quark, lagrangian, best-of-n, prompted, dexperts. Did you mean rlhf?',
    ],
    [
      "an arm of one's own that changes nothing",
      `${name}arms:\n  rlfh:\n`,
      "x.yaml:3:3: arms.rlfh: found an arm that changes nothing",
    ],
    [
      "an arm's value out of range",
      `${name}arms:\n  ra-rlhf:\n    risk: {alpha: 7}\n`,
      "x.yaml:4:19: arms.ra-rlhf.risk.alpha: found 7, expected a number over 0 and at most 1.",
    ],
    [
      "an arm's unknown section",
      `${name}arms:\n  ra-rlhf:\n    evaluation: {prompts: 3}\n`,
      "x.yaml:4:5: arms.ra-rlhf.evaluation: found an unknown key, expected a key of reward, rollout, training, risk, sampling, kl, decoding.",
    ],
    [
      "an arm's misspelt key",
      `${name}arms:\n  ra-rlhf:\n    risk: {alhpa: 0.2}\n`,
      "Did you mean arms.ra-rlhf.risk.alpha?",
    ],
    [
      "an arm's schedule",
      `${name}arms:\n  ra-rlhf:\n    training: {iterations: 10}\n`,
      "x.yaml:4:28: arms.ra-rlhf.training.iterations: found warmup 30 with 10 iterations",
    ],
    [
      "ra-rlhf without aversion",
      `${name}risk: {measure: mean}\n`,
      "x.yaml:2:17: risk.measure: found the arm ra-rlhf with the risk-neutral measure mean",
    ],
    [
      "a key twice",
      `${name}seeds: [1]\nseeds: [2]\n`,
      "x.yaml:3:1: found the key seeds a second time in one map, expected each key once.",
    ],
    [
      "a key twice, once as a number",
      `${name}arms: {1: {}, "1": {}}\n`,
      'x.yaml:2:15: found the key "1" a second time in one map',
    ],
    ["a bracket left open", `${name}seeds: [1, 2\n`, "found malformed YAML"],
    ["tabs for indentation", `${name}risk:\n\talpha: 0.2\n`, "x.yaml:3:"],
    ["two documents", `${name}---\nname: two\n`, "found a second document, expected one"],
    ["an empty file", "", "x.yaml:1:1: found an empty file, expected a map of configuration keys."],
    ["a file of comments", "# nothing\n\n", "found an empty file"],
    ["a list", "- 1\n", "found a list"],
    [
      "a merge bomb",
      `${name}a: &a [1]\n${"x: [*a]\n".repeat(0)}b: &b [${"*a,".repeat(50)}*a]\nc: [${"*b,".repeat(50)}*b]\n`,
      "x.yaml:1:1: found YAML that cannot be read (Excessive alias count",
    ],
  ])("%s", (_, yaml, expected) => {
    expect(refusal(yaml).join("\n")).toContain(expected);
  });

  test.each([
    [
      "an unknown key",
      "risk.alhpa=0.2",
      "--set risk.alhpa=0.2: risk.alhpa: found an unknown key, expected a known key. Did you mean risk.alpha?",
    ],
    ["no value", "risk.alpha", "--set risk.alpha: found no key=value"],
    [
      "a wrong type",
      "training.batch=many",
      '--set training.batch=many: training.batch: found the text "many"',
    ],
    [
      "malformed YAML",
      "seeds=[1",
      "--set seeds=[1: seeds: found [1, expected a YAML value. Quote it",
    ],
    [
      "a key twice in a map",
      'risk={"alpha": 0.1, "alpha": 0.9}',
      'risk: found {"alpha": 0.1, "alpha": 0.9}, expected each key of a map once.',
    ],
    ["an unknown arm", "arms=sft,rlfh", '--set arms=sft,rlfh: arms: found the unknown arm "rlfh"'],
    [
      "an arm that is not trained",
      "arms.random-drop.risk.alpha=0.2",
      "Select it too: --set arms=sft,rlhf,ra-rlhf,random-drop.",
    ],
    [
      "an arm that nobody has defined",
      "arms.mine.risk.alpha=0.2",
      "To make an arm of that name: --set 'arms={sft: {}, rlhf: {}, ra-rlhf: {}, mine: {}}'.",
    ],
    ["a misspelt arm", "arms.ra-rlfh.risk.alpha=0.2", "Did you mean arms.ra-rlhf?"],
    [
      "an arm's key out of range",
      "arms.ra-rlhf.risk.alpha=7",
      "--set arms.ra-rlhf.risk.alpha=7: arms.ra-rlhf.risk.alpha: found 7",
    ],
    [
      "what only fits another key",
      "training.iterations=10",
      "--set training.iterations=10: training.iterations: found warmup 30 with 10 iterations",
    ],
    [
      "a whole section by a value",
      "risk=0.2",
      "--set risk=0.2: risk: found 0.2, expected a map of keys. Name one key, as in --set risk.alpha=0.2.",
    ],
    ["a prototype", "__proto__.x=1", "--set __proto__.x=1: __proto__.x: found an unknown key"],
  ])("--set: %s", (_, set, expected) => {
    expect(refusal(name, set).join("\n")).toContain(expected);
  });

  test("an override that no arm uses", () => {
    const yaml = `${name}arms:\n  a: {kl: {beta: 0.1}}\n  b: {kl: {beta: 0.3}}\n`;
    expect(refusal(yaml, "kl.beta=0.2")).toEqual([
      "--set kl.beta=0.2: kl.beta: found an override that no arm uses, expected an arm that does not set kl.beta itself. Set it for one arm: --set arms.a.kl.beta=….",
    ]);
    expect(refusal(yaml, "kl.beta=0.3")).toEqual([]);
    expect(refusal(yaml, "kl.target=3")).toEqual([]);
  });

  test("all of them at once, the file from top to bottom", () => {
    const problems = refusal(
      "seeds: [1, 1]\nrisk:\n  alpha: 2\n  warmpu: 1\narms:\n  ra-rlhf: {kl: {beta: -1}}\n",
      "training.batch=0",
      "nothing",
    );
    expect(problems.map((line) => line.split(": ", 2).join(": "))).toEqual([
      "x.yaml:1:1: name",
      "x.yaml:1:8: seeds",
      "x.yaml:3:10: risk.alpha",
      "x.yaml:4:3: risk.warmpu",
      "x.yaml:6:24: arms.ra-rlhf.kl.beta",
      "--set nothing: found no key=value, expected key=value. Write for example --set risk.alpha=0.2.",
      "--set training.batch=0: training.batch",
    ]);
  });

  test("risk-neutral arms have no quarrel with α and the schedule", () => {
    const yaml = `${name}arms: [sft, rlhf]\ntraining: {iterations: 3, batch: 2}\n`;
    expect(refusal(yaml)).toEqual([]);
  });
});
