import { describe, expect, test } from "vitest";
import { explain } from "../../../src/cli/commands/config.js";
import type { Terminal } from "../../../src/cli/terminal.js";

function explained(first: string, second: string | undefined, ...set: string[]): string {
  let text = "";
  const terminal = { unicode: true, color: false, out: (line: string) => (text += line) };
  explain(first, second, { set, json: false }, terminal as unknown as Terminal);
  return text;
}

describe("averse config explain", () => {
  test("plots what each arm of an experiment keeps, and tells β's stages", () => {
    const stages = "kl.schedule=[{from: 20, beta: 0.1}]";
    const text = explained("quickstart", "risk.annealing", "risk.annealing=cosine", stages);
    expect(text).toMatch(
      /^key +value +from\nrisk\.annealing +"cosine" +override\n\nEpisodes kept of 64/,
    );
    expect(text).toMatch(/^\S+ +ra-rlhf: 64 before iteration/m);
    expect(text).toContain("KL of rlhf, ra-rlhf, hard-kl: β 0.4, fixed; from iteration 21: β 0.1");
    expect(explained("quickstart", "kl.schedule")).toContain("Episodes kept of 64");
    expect(explained("quickstart", "training.batch")).not.toContain("Episodes kept");
  });

  test("explains a second name as the first", () => {
    const text = explained("risk.schedule", undefined);
    expect(text).toMatch(/^risk\.annealing: one of soft, constant, /);
    expect(text).toContain("    adaptive: all episodes up to iteration n");
  });
});
