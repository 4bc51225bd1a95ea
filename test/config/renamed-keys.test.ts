import { describe, expect, test, vi } from "vitest";
import { withValueAt } from "../../src/config/key-path.js";
import { loadExperiment } from "../../src/config/load.js";
import { keyReferences, sectionNames } from "../../src/config/reference.js";
import { resolvedExperiment } from "../../src/config/resolved-experiment.js";
import { smallExperiment } from "../engine/experiments.js";
import { scratchFile } from "./scratch-files.js";

/** Names that no configuration has, so that the real table cannot get in the way. */
vi.mock("../../src/config/names/renamed-keys.js", async (original) => {
  const { renamedTo, renamedKeys } =
    await original<typeof import("../../src/config/names/renamed-keys.js")>();
  const table = { "risk.fear": "risk.alpha", leash: "kl", "leash.strength": "kl.beta" };
  return { real: renamedKeys, renamedTo: (key: string) => renamedTo(key, table) };
});
const { real } = (await import("../../src/config/names/renamed-keys.js")) as unknown as {
  real: Readonly<Record<string, string>>;
};

const refusal = (yaml: string, ...set: string[]) => {
  let message = "";
  try {
    loadExperiment(scratchFile(yaml), set);
  } catch (error) {
    message = (error as Error).message.replaceAll(/^\/\S*\//gm, "");
  }
  return message;
};

describe("a key with another name now is refused with that name", () => {
  test.each([
    ["name: x\nrisk: {fear: 0.2}\n", [], "x.yaml:2:8: risk.fear", "risk.alpha"],
    ["name: x\nleash: {target: 3}\n", [], "x.yaml:2:1: leash", "kl"],
    ["name: x\n", ["leash.target=3"], "--set leash.target=3: leash.target", "kl.target"],
    ["name: x\n", ["leash.strength=3"], "--set leash.strength=3: leash.strength", "kl.beta"],
    [
      "name: x\narms:\n  rlhf: {risk: {fear: 0.2}}\n",
      [],
      "x.yaml:3:17: arms.rlhf.risk.fear",
      "arms.rlhf.risk.alpha",
    ],
  ])("%j %j", (yaml, set, place, name) => {
    expect(refusal(yaml, ...set)).toBe(
      `${place}: found a renamed key, expected ${name}. Write ${name} instead.`,
    );
  });

  test("also in a record", () => {
    const older = (path: string) => withValueAt(smallExperiment(), path.split("."), 1);
    expect(resolvedExperiment(older("risk.fear"))).toBe(
      "key `risk.fear` is called `risk.alpha` now",
    );
    expect(resolvedExperiment(older("arms.rlhf.risk.fear"))).toBe(
      "key `arms.rlhf.risk.fear` is called `risk.alpha` now",
    );
  });
});

test("the table leads from names that are gone to names that are there", () => {
  const known = [...keyReferences.map(({ key }) => key), ...sectionNames];
  for (const [older, newer] of Object.entries(real)) {
    expect(known).not.toContain(older);
    expect(known).toContain(newer);
  }
});
