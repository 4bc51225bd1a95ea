/** The pages as HTML. What is put into them is escaped by `html`, but for what it made itself. */
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ReportDocument } from "../report/blocks.js";
import { mainHtml, reportStyle } from "../report/html.js";
import type { RunSummary } from "../run-model/run-summary.js";
import { formatDuration, formatNumber } from "../text/numbers.js";
import { safeText } from "../text/safe-text.js";
import { pageStyle } from "./page-style.js";
import type { ScriptName } from "./web-runs.js";

export type Page = HtmlEscapedString | Promise<HtmlEscapedString>;

interface Shell {
  readonly title: string;
  /** Beside the way back to the list. */
  readonly links?: Page;
  readonly body: Page;
  readonly scripts?: readonly ScriptName[];
}

function page({ title, links, body, scripts = [] }: Shell): Page {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(reportStyle)}${raw(pageStyle)}</style>
${scripts.map((name) => (name === "echarts.js" ? html`<script src="/scripts/${name}" defer></script>` : html`<script src="/scripts/${name}" type="module"></script>`))}
</head>
<body>
<nav><a class="home" href="/">Averse</a>${links ?? ""}</nav>
${body}
</body>
</html>
`;
}

/** @param query what was searched for */
export function listPage(runs: readonly RunSummary[], total: number, query: string): Page {
  return page({
    title: "Runs",
    scripts: ["web/client/list.js"],
    body: html`<main class="wide">
<h1>Runs</h1>
<form role="search" method="get" action="/">
<input type="search" name="q" value="${query}" placeholder="name, purpose or state" aria-label="Search the runs" autocomplete="off">
</form>
<div id="list" aria-live="polite">
${listPart(runs, total, query)}
</div>
</main>`,
  });
}

/** What changes while one types, and as runs go on. */
export function listPart(runs: readonly RunSummary[], total: number, query: string): Page {
  if (total === 0) {
    return html`<p>There is no run yet. Start one with <code>averse run quickstart</code>.</p>`;
  }
  if (runs.length === 0) {
    return html`<p>None of ${total} runs matches “${safeText(query)}”.</p>`;
  }
  const count = runs.length === total ? `${total}` : `${runs.length} of ${total}`;
  return html`<p class="count">${count} ${total === 1 ? "run" : "runs"}, newest first</p>
<table class="runs">
<thead><tr><th scope="col">run</th><th scope="col">state</th><th scope="col">started, UTC</th><th scope="col" class="figure">trials</th><th scope="col">last iteration</th><th scope="col" class="figure">left</th><th scope="col" class="figure">CVaR</th><th scope="col">purpose</th></tr></thead>
<tbody>
${runs.map(listRow)}
</tbody>
</table>`;
}

function listRow(run: RunSummary): Page {
  const { id, state, started, trials, trialsDone, trial, step, iterations, cvar, message } = run;
  const ill = state === "damaged" || state === "incompatible" || state === "failed";
  const of = iterations === null ? "" : `/${iterations}`;
  const cells = [
    ["started", "", started === null ? "" : minuteOf(started)],
    ["trials", "figure", `${trialsDone}/${trials}`],
    ["last iteration", "", trial === null ? "" : `${trial} ${step}${of}`],
    ["left", "figure", run.etaSeconds === null ? "" : formatDuration(run.etaSeconds)],
    ["CVaR", "figure", cvar === null ? "" : formatNumber(cvar, 2)],
    ["", "purpose", safeText(ill ? (message ?? "") : run.purpose)],
  ] as const;
  return html`<tr><th scope="row"><a href="/runs/${encodeURIComponent(id)}">${safeText(id)}</a></th><td>${stateMark(state)}</td>${cells.map(
    ([label, kind, text]) =>
      html`<td class="${kind}" data-label="${label}"${text === "" ? raw(" data-empty") : ""}>${text}</td>`,
  )}</tr>
`;
}

function minuteOf(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

/** The word says it; the colour only says it again. */
function stateMark(state: RunSummary["state"]): Page {
  return html`<span class="state ${state}">${state}</span>`;
}

export function runPage(run: RunSummary): Page {
  const { id, state, name, purpose, started, message } = run;
  const text = message === null ? "" : safeText(message);
  return page({
    title: `${state}: ${id}`,
    links: runLinks(id, "progress"),
    scripts: ["echarts.js", "web/client/live.js"],
    body: html`<main class="wide" data-run="${id}">
<h1>${safeText(id)}</h1>
<p class="byline">${safeText(purpose === "" ? name : `${name}: ${purpose}`)}${started === null ? "" : `, started ${minuteOf(started)} UTC`}</p>
<p id="state">${stateMark(state)} <span id="times"></span></p>
<p id="message" class="warning"${text === "" ? raw(" hidden") : ""}>${text}</p>
<noscript><p class="warning">This page needs JavaScript for its curves. The report does not.</p></noscript>
<h2>Curves</h2>
<p id="waiting" class="count">Reading the journal …</p>
<div id="arms" role="group" aria-label="Arms that are shown"></div>
<div id="panels"></div>
<h2>Trials</h2>
<div class="scroll"><table id="trials"></table></div>
<section id="texts"></section>
<details id="log"><summary>Events</summary><ol></ol></details>
</main>`,
  });
}

export function reportPage(id: string, document: ReportDocument): Page {
  return page({
    title: document.title,
    links: runLinks(id, "report"),
    body: raw(mainHtml(document)),
  });
}

/** Why something cannot be shown. */
export function faultPage(title: string, text: string, id?: string): Page {
  return page({
    title,
    ...(id === undefined ? {} : { links: runLinks(id) }),
    body: html`<main><h1>${title}</h1><p class="warning">${safeText(text)}</p></main>`,
  });
}

function runLinks(id: string, here?: "progress" | "report"): Page {
  const folder = `/runs/${encodeURIComponent(id)}`;
  const current = (name: typeof here) => (name === here ? raw(' aria-current="page"') : "");
  return html`<a href="${folder}"${current("progress")}>Progress</a><a href="${folder}/report"${current("report")}>Report</a>`;
}
