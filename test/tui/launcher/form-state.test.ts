import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formHints } from "../../../src/tui/launcher/form-hints.js";
import {
  type FormState,
  fieldsOf,
  formFields,
  overridesOf,
} from "../../../src/tui/launcher/form-state.js";
import { type LauncherState, refusedStart } from "../../../src/tui/launcher/launcher-state.js";
import { keyNames } from "../../../src/tui/terminal/keys.js";
import { afterKeys, launcher, steps } from "./launcher-fixture.js";

const opened = afterKeys(launcher, "tab", "n");

function form(state: LauncherState): FormState {
  if (state.screen.kind !== "form") throw new Error(`the screen is ${state.screen.kind}`);
  return state.screen.form;
}

/** The state with the cursor in a field. */
function inField(state: LauncherState, field: FormState["focus"]): LauncherState {
  let reached = state;
  const fields = fieldsOf(form(state));
  const way = fields.indexOf(field) < fields.indexOf(form(state).focus) ? "up" : "down";
  while (form(reached).focus !== field) reached = afterKeys(reached, way);
  return reached;
}

const retyped = (field: FormState["focus"], text: string): LauncherState =>
  afterKeys(inField(opened, field), "ctrl-u", `text:${text}`);

describe("a new form", () => {
  test("is as the file has it, on Start: Enter starts with no override", () => {
    expect(form(opened).check.ok).toBe(true);
    const { state, effect } = steps(opened, "enter");
    expect(effect).toEqual({ kind: "start", experiment: "quickstart", overrides: [] });
    expect(form(state).starting).toBe(true);
  });

  test("takes no second Enter while its run is being started", () => {
    const starting = afterKeys(opened, "enter");
    expect(steps(starting, "enter").effect).toBeNull();
    expect(steps(starting, "escape").state.screen.kind).toBe("form");
  });

  test("keeps what was filled in when the start is refused, and can try again", () => {
    const refused = refusedStart(
      afterKeys(retyped("alpha", "0.2"), "page-down", "enter"),
      "no Python",
    );
    expect(form(refused).starting).toBe(false);
    expect(form(refused).texts.alpha.text).toBe("0.2");
    const again = steps(
      inField(refusedStart(afterKeys(opened, "enter"), "no Python"), "start"),
      "enter",
    );
    expect(again.effect).toMatchObject({ kind: "start" });
  });

  test("Esc goes back and starts nothing", () => {
    const { state, effect } = steps(opened, "escape");
    expect(state.screen.kind).toBe("list");
    expect(effect).toBeNull();
  });
});

test("never goes round: below Start nothing comes, nor above the arms", () => {
  expect(form(afterKeys(opened, "down")).focus).toBe("start");
  expect(form(afterKeys(opened, "page-up")).focus).toBe("arms");
  expect(form(afterKeys(opened, "page-up", "up")).focus).toBe("arms");
});

test("the last line says what Enter does on the row of the cursor", () => {
  const enterOn = (state: LauncherState): string | undefined =>
    formHints(form(state), { unicode: true, color: false }).find(({ label }) => label === "Enter")
      ?.words;
  expect(enterOn(opened)).toBe("start the run");
  expect(enterOn(inField(opened, "beta"))).toBe("next setting");
  expect(enterOn(afterKeys(retyped("alpha", "7"), "page-down"))).toBeUndefined();
});

test("a setting that the file has no single value for is not there", () => {
  const { settings, check } = form(opened);
  const keys = { ...settings.keys, reward: null };
  expect(fieldsOf({ check, settings: { ...settings, keys } })).not.toContain("reward");
});

describe("settings become what one would type after --set", () => {
  test.each([
    ["seeds", "0,1,2", "seeds=0,1,2"],
    ["alpha", "0.2", "risk.alpha=0.2"],
    ["warmup", "10", "risk.warmup=10"],
    ["rho", "0.5", "risk.rho=0.5"],
    ["iterations", "100", "training.iterations=100"],
    ["beta", "0.05", "kl.beta=0.05"],
    ["learningRate", "1e-5", "training.learning_rate=1e-5"],
    ["batch", "32", "training.batch=32"],
    ["parallel", "1", "trials.parallel=1"],
  ] as const)("%s", (field, text, override) => {
    const state = retyped(field, text);
    expect(overridesOf(form(state))).toEqual([override]);
    expect(form(state).check.ok).toBe(true);
    expect(steps(inField(state, "start"), "enter").effect).toMatchObject({ overrides: [override] });
  });

  test("worker and device", () => {
    const worker = afterKeys(inField(opened, "worker"), "left");
    expect(overridesOf(form(worker))).toEqual(["backend.worker=fake"]);
    const device = afterKeys(inField(opened, "device"), "right");
    expect(overridesOf(form(device))).toEqual(["backend.device=cpu"]);
    expect(overridesOf(form(afterKeys(device, "left")))).toEqual([]);
  });

  test("arms, in the experiment's order", () => {
    const without = afterKeys(inField(opened, "arms"), "right", " ");
    expect(overridesOf(form(without))).toEqual(["arms=sft,rlhf-kl,ra-rlhf,hard-kl"]);
    expect(overridesOf(form(afterKeys(without, " ")))).toEqual([]);
    const more = afterKeys(inField(opened, "arms"), "left", " ");
    expect(overridesOf(form(more))).toEqual(["arms=sft,rlhf,rlhf-kl,ra-rlhf,hard-kl,random-drop"]);
    expect(form(more).check).toMatchObject({ ok: true, trials: 6 });
  });

  test("all of it is taken back by Ctrl-R", () => {
    expect(overridesOf(form(afterKeys(retyped("alpha", "7"), "ctrl-r")))).toEqual([]);
    expect(form(afterKeys(retyped("alpha", "7"), "ctrl-r")).check.ok).toBe(true);
  });
});

describe("wrong settings", () => {
  test.each([
    [
      "alpha",
      "1.5",
      "--set risk.alpha=1.5: risk.alpha: found 1.5, expected a number over 0 and at most 1.",
    ],
    ["alpha", "", "risk.alpha: found"],
    ["warmup", "59", "warmup under ⌈ρM⌉ = 57"],
    ["seeds", "0,0", "the seed 0 more than once"],
    ["seeds", "[", "expected a YAML value"],
    ["iterations", "ten", 'found the text "ten"'],
  ] as const)("%s %s cannot be started and say so as averse run does", (field, text, words) => {
    const state = retyped(field, text);
    const { check } = form(state);
    expect(check.ok ? "" : check.problems.join("\n")).toContain(words);
    expect(steps(inField(state, "start"), "enter").effect).toBeNull();
  });

  test("no arm at all", () => {
    const known = form(opened).settings.arms.length;
    let state = inField(opened, "arms");
    for (let arm = 0; arm < known; arm += 1) state = afterKeys(state, " ", "right");
    expect(overridesOf(form(state))).toEqual(["arms=[]"]);
    expect(form(state).check.ok).toBe(false);
  });
});

test("q goes back where nothing is typed, and is a letter where something is", () => {
  expect(steps(opened, "q")).toMatchObject({ effect: null, state: { screen: { kind: "list" } } });
  const typed = steps(inField(opened, "alpha"), "q");
  expect(typed.effect).toBeNull();
  expect(form(typed.state).texts.alpha.text).toBe("0.4q");
});

test("whatever is pressed, what is checked is what would be started", () => {
  const key = fc.constantFrom(
    ...keyNames.filter((name) => name !== "ctrl-c"),
    ..."0 1.,-aq jk[{:#",
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), (keys) => {
      let state = opened;
      for (const one of keys) {
        const step = steps(state, one);
        if (step.effect?.kind === "start") {
          expect(form(step.state).check.ok).toBe(true);
          expect(step.effect.overrides).toEqual(overridesOf(form(step.state)));
        }
        if (step.state.screen.kind !== "form") return;
        state = step.state;
      }
    }),
    { numRuns: 60 },
  );
});

test("settings that no chosen arm goes by are not there", () => {
  const without = (...names: string[]): FormState => {
    let state = inField(opened, "arms");
    for (const name of form(opened).settings.knownArms) {
      if (names.includes(name)) state = afterKeys(state, " ");
      state = afterKeys(state, "right");
    }
    return form(state);
  };
  expect(fieldsOf(form(opened))).toEqual(formFields);
  const neutral = fieldsOf(without("ra-rlhf"));
  expect(neutral).not.toContain("alpha");
  expect(neutral).not.toContain("warmup");
  expect(neutral).not.toContain("rho");
  expect(neutral).toContain("iterations");
  // Nobody can tell where the settings are wrong.
  expect(fieldsOf(without(...form(opened).settings.arms))).toEqual(formFields);
});
