/** docs/images/risk holds the plots as the functions draw them; `npm run docs:plots` draws them anew. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { riskMeasureNames, riskMeasures } from "../../src/risk/measures/registry.js";
import { plots } from "./all-plots.js";

const root = fileURLToPath(new URL("../../docs/", import.meta.url));
const names = Object.keys(plots);

test.each(names)("%s is as committed", async (name) => {
  await expect(plots[name]!()).toMatchFileSnapshot(`${root}images/risk/${name}.svg`);
});

test("there is no plot that nobody draws", () => {
  const files = readdirSync(`${root}images/risk`).map((file) => file.replace(/\.svg$/, ""));
  expect(files.sort()).toEqual([...names].sort());
});

test.each(riskMeasureNames)("the page on risk tells of %s: rule, plot and every key", (measure) => {
  const page = readFileSync(`${root}risk.md`, "utf8");
  const from = page.indexOf(`### \`${measure}\``);
  expect(from).toBeGreaterThan(0);
  const section = page.slice(from, page.indexOf("\n### ", from + 4) >>> 0);
  expect(section).toContain(`(images/risk/${measure}.svg)`);
  for (const key of riskMeasures[measure].settings) {
    expect(section).toContain(`\`${key}\``);
  }
});
