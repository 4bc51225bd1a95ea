/**
 * The tables and plots of the study's pages are what the program makes of the figures in docs/evidence;
 * `npm run docs:evidence` makes them anew. A part of a page that begins with
 * `<!-- NAME:begin -->` is of docs/evidence/NAME.json.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { curveDifferences, neutralCurve } from "../../src/analysis/equal-kl/curve-differences.js";
import { type PolicyTable, policyTableSchema } from "../../src/analysis/equal-kl/policy-table.js";
import type { Block } from "../../src/report/blocks.js";
import { differenceBlocks } from "../../src/report/frontier/difference-blocks.js";
import { policiesTable } from "../../src/report/frontier/frontier-tables.js";
import { policyWords } from "../../src/report/frontier/frontier-words.js";
import { renderFrontier, sourcesBlock } from "../../src/report/frontier/render-frontier.js";
import { markdownOf } from "../../src/report/markdown.js";
import type { ReportPlot } from "../../src/report/plots/panel.js";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const pages = ["evidence.md", "replication.md"];
const folder = join(docs, "evidence");
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.replace(/\.json$/, ""));

function tableOf(name: string): PolicyTable {
  return policyTableSchema.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")));
}

/** What stands on the page, and its plots. */
async function partOf(name: string): Promise<{ text: string; plots: readonly ReportPlot[] }> {
  const table = tableOf(name);
  const against = neutralCurve(table.policies)!;
  const { plots } = await renderFrontier({ table, against, command: "" });
  const blocks: Block[] = [
    { kind: "paragraph", text: `${policyWords(table)}.` },
    ...differenceBlocks(curveDifferences(table.policies, against)),
  ];
  const details: Block[] = [
    {
      kind: "details",
      summary: "Every point",
      blocks: [{ kind: "table", ...policiesTable(table.policies, { unicode: true }) }],
    },
    { kind: "details", summary: "Runs and their journals", blocks: [sourcesBlock(table)] },
  ];
  const images = plots.map(
    ({ id, title, caption }) => `![${title}](evidence/${name}-${id}.svg)\n\n${caption}\n`,
  );
  return { text: [markdownOf(blocks), ...images, markdownOf(details)].join("\n"), plots };
}

test.each(names)("the plots of %s are as committed, and no figure names a path", async (name) => {
  const { plots } = await partOf(name);
  expect(plots.length).toBeGreaterThan(0);
  for (const { id, svg } of plots) {
    await expect(`${svg.trimEnd()}\n`).toMatchFileSnapshot(join(folder, `${name}-${id}.svg`));
  }
  expect(readFileSync(join(folder, `${name}.json`), "utf8")).not.toMatch(/"\/|\/home\/|\/root\//);
});

test("every table has its place on one page", () => {
  const texts = pages.map((page) => readFileSync(join(docs, page), "utf8"));
  for (const name of names) {
    expect(texts.filter((text) => text.includes(`<!-- ${name}:begin -->`))).toHaveLength(1);
  }
});

test.each(pages)("%s is as the figures make it", async (page) => {
  let text = readFileSync(join(docs, page), "utf8");
  for (const name of names) {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    if (!text.includes(begin)) continue;
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    expect(to).toBeGreaterThan(from);
    text = `${text.slice(0, from)}${begin}\n${(await partOf(name)).text}${text.slice(to)}`;
  }
  await expect(text).toMatchFileSnapshot(join(docs, page));
});
