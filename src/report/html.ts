/** A report as one HTML file: styles and plots inside, no script, nothing fetched. */
import type { Block, Cell, ReportDocument } from "./blocks.js";
import { reportStyle } from "./html-style.js";
import { safeText } from "./safe-text.js";

export function renderHtml(document: ReportDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(document.title)}</title>
<style>
${reportStyle}</style>
</head>
<body>
<main>
<h1>${escapeHtml(document.title)}</h1>
<p class="byline">${escapeHtml(document.byline)}</p>
${document.blocks.map(blockHtml).join("\n")}
</main>
</body>
</html>
`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `<h2>${escapeHtml(block.text)}</h2>`;
    case "subheading":
      return `<h3>${escapeHtml(block.text)}</h3>`;
    case "conclusion":
      return `<div class="conclusion">${block.lines.map((line) => `<p>${escapeHtml(line)}</p>`).join("")}</div>`;
    case "paragraph":
      return `<p>${escapeHtml(block.text)}</p>`;
    case "warning":
      return `<p class="warning"><strong>Note:</strong> ${escapeHtml(block.text)}</p>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
    case "table":
      return tableHtml(block);
    case "plot":
      // The SVG is ours: labels in it are escaped by the renderer.
      return `<figure id="${escapeHtml(block.plot.id)}">\n${block.plot.svg}\n<figcaption>${escapeHtml(block.plot.caption)}</figcaption></figure>`;
    case "code":
      return `<pre><code>${escapeHtml(safeText(block.text, { multiline: true }), false)}</code></pre>`;
    case "details":
      return `<details><summary>${escapeHtml(block.summary)}</summary>\n${block.blocks.map(blockHtml).join("\n")}\n</details>`;
  }
}

function tableHtml({ head, rows, wordColumns }: Extract<Block, { kind: "table" }>): string {
  const align = (at: number): string => (at < wordColumns ? "" : ' class="figure"');
  const titles = head.map((title, at) => `<th scope="col"${align(at)}>${escapeHtml(title)}</th>`);
  const body = rows.map(
    (row) => `<tr>${row.map((cell, at) => cellHtml(cell, at, align(at))).join("")}</tr>`,
  );
  const header = head.some((title) => title !== "")
    ? `<thead><tr>${titles.join("")}</tr></thead>`
    : "";
  return `<div class="scroll"><table>${header}<tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}

function cellHtml({ main, sub }: Cell, at: number, align: string): string {
  const text = escapeHtml(main) + (sub === undefined ? "" : `<small>${escapeHtml(sub)}</small>`);
  return at === 0 ? `<th scope="row">${text}</th>` : `<td${align}>${text}</td>`;
}

function escapeHtml(text: string, neutralise = true): string {
  return (neutralise ? safeText(text) : text)
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}
