/**
 * The tables and plots of docs/evidence.md are what the program makes of the figures in docs/evidence;
 * `npm run docs:evidence` makes them anew. A part of the page that begins with
 * `<!-- NAME:begin -->` is of docs/evidence/NAME.json.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { neutralCurve } from "../../src/analysis/equal-kl/curve-differences.js";
import { type PolicyTable, policyTableSchema } from "../../src/analysis/equal-kl/policy-table.js";
import type { Block } from "../../src/report/blocks.js";
import { policiesTable } from "../../src/report/frontier/frontier-tables.js";
import { policyWords } from "../../src/report/frontier/frontier-words.js";
import {
  differenceBlocks,
  renderFrontier,
  sourcesBlock,
} from "../../src/report/frontier/render-frontier.js";
import { markdownOf } from "../../src/report/markdown.js";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const page = join(docs, "evidence.md");
const folder = join(docs, "evidence");
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.replace(/\.json$/, ""));

function tableOf(name: string): PolicyTable {
  return policyTableSchema.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")));
}

function partOf(name: string, plots: readonly string[]): string {
  const table = tableOf(name);
  const blocks: Block[] = [
    { kind: "paragraph", text: `${policyWords(table)}.` },
    ...differenceBlocks(table, neutralCurve(table.policies)!),
  ];
  const details: Block[] = [
    {
      kind: "details",
      summary: "Every point",
      blocks: [{ kind: "table", ...policiesTable(table.policies, { unicode: true }) }],
    },
    { kind: "details", summary: "Runs and their journals", blocks: [sourcesBlock(table)] },
  ];
  const images = plots.map((plot) => `![${plot}](evidence/${plot}.svg)\n`).join("\n");
  return `${markdownOf(blocks)}\n${images}\n${markdownOf(details)}`;
}

describe.each(names)("%s", (name) => {
  test("has its plots as committed, and a place on the page", async () => {
    const { plots } = await renderFrontier({
      table: tableOf(name),
      against: neutralCurve(tableOf(name).policies)!,
      command: "",
    });
    expect(plots.length).toBeGreaterThan(0);
    for (const { id, svg } of plots) {
      await expect(`${svg.trimEnd()}\n`).toMatchFileSnapshot(join(folder, `${name}-${id}.svg`));
    }
    expect(readFileSync(page, "utf8")).toContain(`<!-- ${name}:begin -->`);
  });

  test("names no path of a machine", () => {
    expect(readFileSync(join(folder, `${name}.json`), "utf8")).not.toMatch(/"\/|\/home\/|\/root\//);
  });
});

test("the page is as the figures make it", async () => {
  const made = names.reduce(
    (text, name) => {
      const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
      const [from, to] = [text.indexOf(begin), text.indexOf(end)];
      expect(to).toBeGreaterThan(from);
      const plots = readdirSync(folder)
        .filter((file) => file.startsWith(`${name}-`) && file.endsWith(".svg"))
        .map((file) => file.replace(/\.svg$/, ""));
      return `${text.slice(0, from)}${begin}\n${partOf(name, plots)}${text.slice(to)}`;
    },
    readFileSync(page, "utf8"),
  );
  await expect(made).toMatchFileSnapshot(page);
});
