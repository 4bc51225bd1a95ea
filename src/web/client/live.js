/** One run in a browser: its state, trials and curves, as server-sent events tell of them. */

import { axisMinimum, plainFigure } from "../../report/plots/axis-figures.js";
import { formatDuration, formatNumber } from "../../text/numbers.js";

/**
 * @typedef {import("../live-messages.js").StateMessage} StateMessage
 * @typedef {import("../live-messages.js").PanelMessage} PanelMessage
 * @typedef {import("../live-messages.js").TextsMessage} TextsMessage
 * @typedef {typeof import("echarts")} Library
 */

/** Loaded by the page before this module. @type {Library} */
const charts = /** @type {any} */ (window).echarts;

/** @param {string} selector @returns {HTMLElement} */
const part = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

const run = part("main").dataset.run ?? "";
const linked = "panels";

/** @type {Map<string, { figure: HTMLElement, chart: import("echarts").ECharts, panel: PanelMessage }>} */
const panels = new Map();
/** Arms that are not shown. @type {Set<string>} */
const hidden = new Set();
/** @type {StateMessage | null} */
let state = null;
/** When the state was told, in seconds. */
let toldAt = 0;

/**
 * @param {string} name
 * @param {string} [text]
 * @param {Record<string, string>} [attributes]
 * @param {readonly Node[]} [children]
 */
function element(name, text = "", attributes = {}, children = []) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawTimes() {
  if (state === null) {
    return;
  }
  const passed = state.state === "running" && state.live ? Date.now() / 1000 - toldAt : 0;
  const elapsed = state.elapsed_seconds === null ? null : state.elapsed_seconds + passed;
  const left = state.eta_seconds === null ? null : Math.max(0, state.eta_seconds - passed);
  const words = [
    elapsed === null ? "" : `after ${formatDuration(elapsed)}`,
    left === null || state.state !== "running" ? "" : `about ${formatDuration(left)} left`,
  ];
  part("#times").textContent = words.filter(Boolean).join(", ");
}

function drawState() {
  if (state === null) {
    return;
  }
  const mark = part("#state .state");
  mark.textContent = state.state;
  mark.className = `state ${state.state}`;
  const message = part("#message");
  message.textContent = state.message;
  message.hidden = state.message === "";
  drawTimes();
  document.title = `${state.state}: ${run}`;
  drawTrials(state);
  drawArms(state);
  part("#log ol").replaceChildren(
    ...state.log
      .toReversed()
      .map(({ time, trial, level, text }) =>
        element("li", "", { class: level }, [
          element("time", `${time.slice(11, 19)} `, { datetime: time }),
          document.createTextNode(`${trial === null ? "" : `${trial}: `}${text}`),
        ]),
      ),
  );
  for (const [title, { figure: shown, chart }] of panels) {
    if (!state.panels.includes(title)) {
      chart.dispose();
      shown.remove();
      panels.delete(title);
    }
  }
  const waiting = part("#waiting");
  waiting.hidden = state.panels.length > 0;
  waiting.textContent =
    state.state === "running"
      ? "No iteration yet: the trials below say what they are doing."
      : "This run has no iterations.";
}

/** @param {StateMessage} message */
function drawTrials({ trials }) {
  const right = { class: "figure" };
  const head = element("tr", "", {}, [
    ...["trial", "state"].map((text) => element("th", text, { scope: "col" })),
    ...["iteration", "raw reward", "CVaR", "KL", "left"].map((text) =>
      element("th", text, { scope: "col", ...right }),
    ),
    element("th", "", { scope: "col" }),
  ]);
  const rows = trials.map((trial) =>
    element("tr", "", {}, [
      element("th", trial.id, { scope: "row" }),
      element("td", "", {}, [element("span", trial.status, { class: `state ${trial.status}` })]),
      element("td", trial.iterations > 0 ? `${trial.step}/${trial.iterations}` : "", right),
      element("td", trial.step === 0 ? "" : formatNumber(trial.reward_mean, 2), right),
      element("td", trial.step === 0 ? "" : formatNumber(trial.cvar, 2), right),
      element("td", trial.step === 0 ? "" : formatNumber(trial.kl_mean, 1), right),
      element("td", trial.eta_seconds === null ? "" : formatDuration(trial.eta_seconds), right),
      element("td", trial.message === "" ? trial.phase : trial.message),
    ]),
  );
  part("#trials").replaceChildren(element("thead", "", {}, [head]), element("tbody", "", {}, rows));
}

const svg = "http://www.w3.org/2000/svg";

/** @param {StateMessage} message */
function drawArms({ arms, panels: titles }) {
  const shown = titles.length === 0 ? [] : arms;
  const place = part("#arms");
  const key = JSON.stringify(shown);
  if (place.dataset.key === key) {
    return;
  }
  place.dataset.key = key;
  place.replaceChildren(
    ...shown.map(({ name, color, dash }) => {
      const line = document.createElementNS(svg, "line");
      for (const [attribute, value] of Object.entries({ x1: 0, x2: 34, y1: 4, y2: 4 })) {
        line.setAttribute(attribute, String(value));
      }
      line.setAttribute("stroke", color);
      line.setAttribute("stroke-width", "2.5");
      if (dash !== "solid") {
        line.setAttribute("stroke-dasharray", dash.join(" "));
      }
      const sample = document.createElementNS(svg, "svg");
      sample.setAttribute("aria-hidden", "true");
      sample.append(line);
      const button = element("button", "", { type: "button", "aria-pressed": "true" }, [
        sample,
        document.createTextNode(name),
      ]);
      button.addEventListener("click", () => {
        if (!hidden.delete(name)) {
          hidden.add(name);
        }
        button.setAttribute("aria-pressed", String(!hidden.has(name)));
        for (const one of panels.values()) {
          draw(one.chart, one.panel);
        }
      });
      return button;
    }),
  );
}

/** @param {PanelMessage} panel */
function takePanel(panel) {
  const known = panels.get(panel.title);
  if (known !== undefined) {
    known.panel = panel;
    draw(known.chart, panel);
    return;
  }
  const chartPlace = element("div", "", { class: "chart", role: "img", "aria-label": panel.title });
  const caption = element("figcaption", panel.title);
  const made = element("figure", "", {}, [caption, chartPlace]);
  const order = state?.panels ?? [];
  const later = [...panels].find(
    ([title]) => order.indexOf(title) > order.indexOf(panel.title),
  )?.[1].figure;
  part("#panels").insertBefore(made, later ?? null);
  const chart = charts.init(chartPlace);
  chart.group = linked;
  panels.set(panel.title, { figure: made, chart, panel });
  new ResizeObserver(() => chart.isDisposed() || chart.resize()).observe(chartPlace);
  draw(chart, panel);
}

/**
 * @param {import("echarts").ECharts} chart
 * @param {PanelMessage} panel
 */
function draw(chart, { x, y, marks, curves }) {
  const ink = colour("--quiet");
  const line = colour("--line");
  const axis = {
    type: "value",
    scale: true,
    nameLocation: "middle",
    nameTextStyle: { color: ink },
    axisLabel: { color: ink, hideOverlap: true, formatter: plainFigure },
    axisLine: { show: true, onZero: false, lineStyle: { color: ink } },
  };
  const limits = (/** @type {PanelMessage["x"]} */ { min, max, fromZero }) => ({
    ...(fromZero === true ? { min: axisMinimum, scale: false } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  });
  const shown = curves.filter(({ name }) => !hidden.has(name));
  chart.setOption(
    /** @type {any} */ ({
      animation: false,
      textStyle: { fontFamily: "inherit" },
      grid: { left: 52, right: 14, top: 10, bottom: 38 },
      xAxis: { ...axis, ...limits(x), name: x.name, nameGap: 22, splitLine: { show: false } },
      yAxis: {
        ...axis,
        ...limits(y),
        name: y.name,
        nameGap: 38,
        splitNumber: y.max === 1 ? 5 : 4,
        splitLine: { lineStyle: { color: line } },
      },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: colour("--page"),
        borderColor: line,
        textStyle: { color: colour("--ink"), fontSize: 12 },
        axisPointer: { type: "line", label: { show: false } },
        formatter: tip,
      },
      series: shown.flatMap((curve, at) => [
        ...bandOf(curve),
        {
          type: "line",
          name: curve.name,
          data: curve.points,
          showSymbol: curve.points.length === 1,
          symbolSize: 6,
          lineStyle: { color: curve.color, width: 2, type: curve.dash },
          itemStyle: { color: curve.color },
          emphasis: { disabled: true },
          ...(at === 0 && marks.length > 0 ? { markLine: marksOf(marks, ink) } : {}),
        },
      ]),
    }),
    { replaceMerge: ["series"] },
  );
}

/** Shorter than on an axis: the figures under the pointer are rarely round. @param {number} value */
function tipFigure(value) {
  return plainFigure(Number(value.toPrecision(4)));
}

/** Low and what lies over it, one on the other. @param {PanelMessage["curves"][number]} curve */
function bandOf({ name, color, band }) {
  if (band.length === 0) {
    return [];
  }
  const common = {
    type: "line",
    stack: `band ${name}`,
    stackStrategy: "all",
    symbol: "none",
    silent: true,
    lineStyle: { opacity: 0 },
    emphasis: { disabled: true },
    tooltip: { show: false },
  };
  return [
    { ...common, name: "", data: band.map(([at, low]) => [at, low]) },
    {
      ...common,
      name: "",
      data: band.map(([at, low, high]) => [at, high - low]),
      areaStyle: { color, opacity: 0.16 },
    },
  ];
}

/** @param {PanelMessage["marks"]} marks @param {string} ink */
function marksOf(marks, ink) {
  return {
    silent: true,
    symbol: "none",
    precision: 12,
    lineStyle: { color: ink, type: [3, 3], width: 1 },
    label: { color: ink, position: "insideStartTop" },
    data: marks.map(({ axis, at, label }) => ({
      ...(axis === "x" ? { xAxis: at } : { yAxis: at }),
      label: { formatter: label },
    })),
  };
}

/**
 * Elements, never text that could be taken for HTML: names are whatever a configuration has.
 *
 * @param {readonly { seriesName: string, color: string, value: [number, number] }[]} points
 */
function tip(points) {
  const named = points.filter(({ seriesName }) => seriesName !== "");
  const [first] = named;
  return first === undefined
    ? ""
    : element("div", "", {}, [
        element("div", tipFigure(first.value[0])),
        ...named.map(({ seriesName, color, value }) => {
          const row = element("div", `${seriesName}  ${tipFigure(value[1])}`);
          row.style.borderLeft = `3px solid ${color}`;
          row.style.paddingLeft = "6px";
          return row;
        }),
      ]);
}

/** @param {TextsMessage} message */
function drawTexts({ masked, trials }) {
  part("#texts").replaceChildren(
    ...(trials.length === 0
      ? []
      : [
          element("h2", "Worst episodes of each trial's last iteration"),
          element(
            "p",
            masked
              ? "Words show their first letter only: averse serve --show-text shows them whole. They may be offensive."
              : "Texts as the models wrote them; they may be offensive and are no one's opinion.",
            { class: "count" },
          ),
          ...trials.map(({ trial, iteration, texts }) =>
            element("details", "", {}, [
              element("summary", `${trial}, iteration ${iteration}`),
              element(
                "dl",
                "",
                {},
                texts.flatMap(({ prompt, completion }) => [
                  element("dt", prompt),
                  element("dd", completion),
                ]),
              ),
            ]),
          ),
        ]),
  );
}

charts.connect(linked);
setInterval(drawTimes, 1000);

/** @type {EventSource | null} */
let source = null;

function listen() {
  source = new EventSource(`/runs/${encodeURIComponent(run)}/events`);
  const take = (/** @type {string} */ name, /** @type {(data: any) => void} */ act) =>
    source?.addEventListener(name, (event) => act(JSON.parse(event.data)));
  take("state", (message) => {
    state = message;
    toldAt = Date.now() / 1000;
    drawState();
  });
  take("panel", takePanel);
  take("texts", drawTexts);
  source.onerror = () => {
    // The browser tries again by itself, unless the server refuses.
    part("#times").textContent = "no connection to averse serve";
  };
}

// A page that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (source === null) {
    listen();
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { chart, panel } of panels.values()) {
    draw(chart, panel);
  }
});
listen();
