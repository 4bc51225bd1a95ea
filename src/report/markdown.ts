/** A report as markdown, for terminals, repositories and diffs. */

import { safeText } from "../text/safe-text.js";
import type { Block, Cell, ReportDocument, TableContent } from "./blocks.js";

export function renderMarkdown({ title, byline, blocks }: ReportDocument): string {
  return `# ${escapeText(title)}\n\n${escapeText(byline)}\n\n${markdownOf(blocks)}`;
}

/** A part of a page. */
export function markdownOf(blocks: readonly Block[]): string {
  return blocks
    .flatMap(blockLines)
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()
    .concat("\n");
}

function blockLines(block: Block): string[] {
  switch (block.kind) {
    case "heading":
      return [`## ${escapeText(block.text)}`, ""];
    case "subheading":
      return [`#### ${escapeText(block.text)}`, ""];
    case "conclusion":
      return [block.lines.map((line) => `> **${escapeText(line)}**`).join("\n>\n"), ""];
    case "paragraph":
      return [escapeText(block.text), ""];
    case "warning":
      return [`> ⚠ ${escapeText(block.text)}`, ""];
    case "list":
      return [...block.items.map((item) => `- ${escapeText(item)}`), ""];
    case "table":
      return [...tableLines(block), ""];
    case "plot":
      return [`Drawn in report.html. ${escapeText(block.plot.caption)}`, ""];
    case "texts":
      return [
        ...tableLines({
          head: [block.prompt.label, "", "completion"],
          wordColumns: 3,
          rows: block.completions.map(({ label, text }, at) => [
            { main: at === 0 ? (block.prompt.text ?? "") : "" },
            { main: label },
            { main: text ?? "" },
          ]),
        }),
        "",
      ];
    case "code":
      return [...fenced(block.text), ""];
    case "details":
      return [
        "<details>",
        `<summary>${escapeText(block.summary)}</summary>`,
        "",
        ...block.blocks.flatMap(blockLines),
        "</details>",
        "",
      ];
  }
}

function tableLines(block: TableContent): string[] {
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  const rules = block.head.map((_, at) => (at < block.wordColumns ? ":--" : "--:"));
  return [
    line(block.head.map(escapeText)),
    line(rules),
    ...block.rows.map((row) => line(row.map(cellText))),
  ];
}

function cellText({ main, sub }: Cell): string {
  return sub === undefined || sub === ""
    ? escapeText(main)
    : `${escapeText(main)}<br>${escapeText(sub)}`;
}

/** A fence longer than any in the text. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return [fence, safeText(text, { multiline: true }), fence];
}

/** Nothing in the text is taken for markdown or HTML. */
function escapeText(text: string): string {
  return (
    safeText(text)
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/[\\`*|~]/g, "\\$&")
      // Brackets alone are intervals; only before these could they be a link.
      .replace(/\](?=[([:])/g, "\\]")
      // Within a word an underscore means nothing; at its edge it could open emphasis.
      .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
  );
}
