/** A report as one HTML file: styles and plots inside, no script, nothing fetched. */
import { safeText } from "../text/safe-text.js";
import type { Block, Cell, LabelledText, ReportDocument, TableContent } from "./blocks.js";
import type { ReportPlot } from "./plots/panel.js";

/** A whole file. */
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
${mainHtml(document)}
</body>
</html>
`;
}

/** What stands in a file's body, for a page with other things around it. */
export function mainHtml({ title, byline, blocks }: ReportDocument): string {
  return `<main>
<h1>${escapeHtml(title)}</h1>
<p class="byline">${escapeHtml(byline)}</p>
${blocks.map(blockHtml).join("\n")}
</main>`;
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
      return `<figure id="${escapeHtml(block.plot.id)}">\n${plotHtml(block.plot)}\n<figcaption>${escapeHtml(block.plot.caption)}</figcaption></figure>`;
    case "texts":
      return `<div class="texts"><div>${textHtml(block.prompt)}</div><div>${block.completions.map(textHtml).join("")}</div></div>`;
    case "code":
      return `<pre><code>${escapeHtml(safeText(block.text, { multiline: true }), false)}</code></pre>`;
    case "details":
      return `<details><summary>${escapeHtml(block.summary)}</summary>\n${block.blocks.map(blockHtml).join("\n")}\n</details>`;
  }
}

/** So many fit side by side on a telephone. */
const narrowColumns = 3;

/** One of the two is displayed, by the width of the screen. */
function plotHtml({ svg, narrow }: ReportPlot): string {
  return narrow === undefined
    ? svg
    : `<div class="wide">${svg}</div>\n<div class="narrow">${narrow}</div>`;
}

function tableHtml({ head, rows, wordColumns, records }: TableContent): string {
  const align = (at: number): string => (at < wordColumns ? "" : ' class="figure"');
  const titles = head.map((title, at) => `<th scope="col"${align(at)}>${escapeHtml(title)}</th>`);
  const titled = head.some((title) => title !== "");
  // On a narrow screen a row of more columns becomes a card, where each cell needs its title.
  const isWide = titled && head.length > narrowColumns;
  const kind = records === true ? "records" : isWide ? "cards" : null;
  const label = (at: number): string =>
    kind === null ? "" : ` data-label="${escapeHtml(head[at]!)}"`;
  const body = rows.map(
    (row) =>
      `<tr>${row.map((cell, at) => cellHtml(cell, at, align(at) + label(at), at < wordColumns)).join("")}</tr>`,
  );
  const header = titled ? `<thead><tr>${titles.join("")}</tr></thead>` : "";
  return `<div class="scroll"><table${kind === null ? "" : ` class="${kind}"`}>${header}<tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}

function textHtml({ label, text }: LabelledText): string {
  const words =
    text === null ? "" : `<p>${escapeHtml(safeText(text, { multiline: true }), false)}</p>`;
  return `<small>${escapeHtml(label)}</small>${words}`;
}

function cellHtml({ main, sub }: Cell, at: number, attributes: string, isWords: boolean): string {
  const words = escapeHtml(main);
  const text =
    (isWords ? breakable(words) : words) +
    (sub === undefined ? "" : `<small>${escapeHtml(sub)}</small>`);
  return at === 0 ? `<th scope="row"${attributes}>${text}</th>` : `<td${attributes}>${text}</td>`;
}

/** Arm names and keys have no spaces: a line may end behind what separates their parts. */
function breakable(html: string): string {
  return html.replace(/(?<=\w[.,_=/@])(?=[A-Za-z])/g, "<wbr>");
}

function escapeHtml(text: string, neutralise = true): string {
  return (neutralise ? safeText(text) : text)
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}

/** Each row of a table under its first cell, the others with their column's title over them. */
function cardRules(table: string, columnWidth: string): string {
  return `  ${table}, ${table} tbody { display: block; }
  ${table} thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  ${table} tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(${columnWidth}, 1fr)); gap: .4rem .6rem; padding: .7rem 0; border-bottom: 1px solid var(--line); }
  ${table} th, ${table} td { display: block; border: 0; padding: 0; text-align: left; white-space: normal; min-width: 0; overflow-wrap: anywhere; }
  ${table} tbody th { grid-column: 1 / -1; max-width: none; }
  ${table} :is(th, td):empty { display: none; }
  ${table} td::before, ${table} th.figure::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .89em; font-weight: 400; }
`;
}

/** Styles of the HTML report: readable on screen, on paper, and in the dark. */
export const reportStyle = `:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --page: #ffffff; --tint: #f3f6f9; --mark: #0072b2; --warn: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa5b1; --line: #3d444d; --page: #14181d; --tint: #1d232a; --mark: #56b4e9; --warn: #e69f00; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
.byline { color: var(--quiet); margin: 0 0 1.5rem; }
.conclusion { border-left: 4px solid var(--mark); background: var(--tint); padding: .75rem 1.1rem; font-size: 1.08rem; }
.conclusion p { margin: .3rem 0; }
.warning { border-left: 4px solid var(--warn); background: var(--tint); padding: .6rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th { font-weight: 600; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th[scope=col], .figure small { white-space: normal; }
small { display: block; color: var(--quiet); font-weight: 400; font-size: .8rem; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption { color: var(--quiet); font-size: .92rem; margin-top: .5rem; max-width: 48rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; margin: .75rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { background: var(--tint); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: .82rem; line-height: 1.45; }
li { margin: .25rem 0; }
p, li { overflow-wrap: anywhere; }
tbody th, td { overflow-wrap: break-word; }
tbody th, td:not(.figure) { max-width: 26rem; }
figure .narrow { display: none; }
.texts { display: grid; grid-template-columns: 2fr 3fr; gap: 0 1.5rem; border-top: 1px solid var(--line); padding: .6rem 0; }
.texts p { margin: 0 0 .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media screen and (max-width: 40rem) {
  main { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
  .texts { grid-template-columns: 1fr; }
  .texts > div + div { border-left: 3px solid var(--line); padding-left: .8rem; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
  figure svg { max-width: 30rem; }
  th, td { padding-right: .55rem; }
  tbody th, td { overflow-wrap: anywhere; }
  td:not(.figure):not(:empty) { min-width: 5rem; }
${cardRules(".cards", "5.9rem")}  .cards td:not(.figure) { grid-column: 1 / -1; max-width: none; }
}
${cardRules(".records", "8rem")}@page { margin: 16mm 14mm; }
@media print {
  :root { color-scheme: light; --ink: #000000; --quiet: #444444; --line: #bbbbbb; --page: #ffffff; --tint: #ffffff; --mark: #0072b2; --warn: #b35900; }
  body { font-size: 10pt; line-height: 1.4; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 16pt; }
  h2 { font-size: 12.5pt; margin-top: 1.5rem; }
  h2, h3, summary { break-after: avoid; }
  figure, tr, .texts, .conclusion, .warning { break-inside: avoid; }
  p, li { orphans: 3; widows: 3; }
  .conclusion, .warning { border: 1px solid var(--line); border-left-width: 4px; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  small { font-size: .9em; }
  th, td { padding-right: .45rem; }
  thead { display: table-header-group; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); font-size: 7pt; }
  details { border: 0; padding: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; }
}
`;
