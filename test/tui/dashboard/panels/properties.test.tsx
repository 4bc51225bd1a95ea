/** What must hold of every panel at every size, whatever models, data and errors say. */

import fc from "fast-check";
import type { ReactElement } from "react";
import { describe, expect, test } from "vitest";
import type { LogLine } from "../../../../src/run-model/run-model.js";
import { whatIf } from "../../../../src/run-model/what-if.js";
import { displayWidth } from "../../../../src/text/width.js";
import { Header } from "../../../../src/tui/dashboard/header.js";
import {
  promptVisits,
  returnQuantiles,
} from "../../../../src/tui/dashboard/panels/episodes-of-step.js";
import { EventLog } from "../../../../src/tui/dashboard/panels/event-log.js";
import { RiskPanel } from "../../../../src/tui/dashboard/panels/risk-panel.js";
import { TailPanel } from "../../../../src/tui/dashboard/panels/tail-panel.js";
import { trainingCharts } from "../../../../src/tui/dashboard/panels/training-figures.js";
import { TrainingPanel } from "../../../../src/tui/dashboard/panels/training-panel.js";
import { WhatIfPanel } from "../../../../src/tui/dashboard/panels/what-if-panel.js";
import { PhaseLine } from "../../../../src/tui/dashboard/phase-line.js";
import type { Size } from "../../../../src/tui/terminal/line.js";
import { armConfig, iterations, runOf, sampleRun } from "../../../run-model/sample-run.js";
import { style as anyStyle } from "../../charts/all-charts.js";
import { drawn, drawnRaw } from "../../drawn.js";

const hostile: readonly string[] = [
  "\u001b[2J\u001b[H\u001b]0;owned\u0007 red \u001b[31malert",
  "line one\nline two\r\nline three\ttab\u0000nul\u009b31m",
  "全角文字がたくさん並んでいるとても長い文章です。",
  "👩‍👩‍👧‍👦 family 🇩🇪 flag 👍🏽 thumb 😀😀😀😀😀😀😀😀",
  "שלום עולם \u202eevil\u202c مرحبا بالعالم",
  "e\u0301\u0302\u0303\u0304 Zalgo ḩ̸̛̬̺̳͔͉̐̀̈́e̶͓̽l̷̰̈́l̴̰͝o̷͎̽ नमस्ते กำลังทดสอบ",
  "word ".repeat(1000),
  "x".repeat(5000),
  "界".repeat(5000),
  "\ud83d lone \udc00 halves",
  "",
];
const text = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "binary", maxLength: 200 }));

type Draw = (size: Size) => ReactElement | null;

const runs = [0, 1, 2, 45].map((steps) => sampleRun(7, steps));
const run = fc.constantFrom(...runs);
const rival = sampleRun(8, iterations);
const zoom = fc.option(
  fc.tuple(fc.nat(50), fc.nat(50)).map(([from, length]) => ({ from, to: from + length })),
);
const measure = fc.constantFrom(
  "mean" as const,
  "cvar" as const,
  "cvar-gradient" as const,
  "mean-cvar" as const,
  "entropic" as const,
  "random-drop" as const,
);

/** A batch with failed rewards among it, or one of a single episode. */
const spoiled = run.chain(({ events }) =>
  events.length === 0
    ? fc.constant(null)
    : fc.tuple(fc.constantFrom(...events), fc.nat(10)).map(([{ episodes }, failed]) => ({
        ...episodes,
        reward: episodes.reward.map((value, at) => (at < failed ? null : value)),
        return: episodes.return.map((value, at) => (at < failed ? null : value)),
        weight: episodes.weight.map((value, at) => (at < failed ? 0 : value)),
      })),
);

const panels: Readonly<Record<string, fc.Arbitrary<Draw>>> = {
  header: fc
    .tuple(
      run,
      text,
      fc.boolean(),
      fc.constantFrom("running", "paused", "stopping", "done", "failed", "stopped"),
      fc.option(fc.double()),
    )
    .map(([{ trial }, name, live, state, seconds]): Draw => {
      const named = {
        ...trial,
        arm: name,
        restarts: live ? 0 : 2,
        worker: { ...trial.worker!, device_name: name },
      };
      const head = trial.steps[0]?.head;
      const gpu = { load: seconds, memory_used_bytes: 1e9, memory_total_bytes: 1e12 };
      const input = {
        run: runOf([rival.trial, named], { name, state: state as "running" }),
        readable: live,
        trial: named,
        step: head === undefined ? null : { ...head, gpu },
        live,
        backend: name,
        elapsed: seconds,
        eta: seconds,
      };
      return (size) => <Header {...input} {...size} />;
    }),
  phase: fc
    .tuple(run, text, fc.nat(100), fc.nat(100), fc.boolean())
    .map(([{ trial }, words, done, total, failed]): Draw => {
      const status = failed ? ("failed" as const) : ("running" as const);
      const phase = { name: words, done, total, unit: words, since: 3 };
      const input = {
        trial: { ...trial, phase, status, message: words },
        paused: done % 2 === 0,
        stopped: total % 3 === 0 ? { word: words, held: failed } : null,
        unreadable: total % 7 === 1 ? { gone: failed, message: words } : null,
        unread: false,
        now: 100,
      };
      return (size) => <PhaseLine {...input} {...size} />;
    }),
  risk: fc
    .tuple(run, spoiled, spoiled, zoom, measure, fc.nat(2))
    .map(([{ events, trial }, episodes, previous, x, which, drop]): Draw => {
      const input = {
        config: armConfig({ measure: which }),
        steps: trial.steps,
        step: drop === 0 ? null : (trial.steps.at(-1)?.head ?? null),
        episodes,
        previous,
        quantiles: events.flatMap((one) => returnQuantiles(one.step + 1, one.episodes) ?? []),
        zoom: x,
      };
      return (size) => <RiskPanel {...input} {...size} />;
    }),
  training: fc
    .tuple(
      run,
      text,
      fc.boolean(),
      zoom,
      fc.option(fc.constantFrom(...trainingCharts(rival.trial.steps))),
    )
    .map(([{ trial }, name, alone, x, only]): Draw => {
      const input = {
        steps: trial.steps,
        other: alone ? null : { name, steps: rival.trial.steps },
        iteration: alone ? null : 17,
        klTarget: alone ? null : 6,
        alpha: 0.4,
        zoom: x,
        only,
      };
      return (size) => <TrainingPanel {...input} {...size} />;
    }),
  tail: fc
    .tuple(
      spoiled,
      fc.array(text, { maxLength: 6 }),
      fc.boolean(),
      text,
      fc.integer(),
      fc.boolean(),
    )
    .map(([episodes, words, revealed, filter, place, inHistory]): Draw => {
      const texts = words.map((one, episode) => ({ episode, prompt: one, completion: one }));
      const history =
        inHistory && episodes !== null
          ? [0, 1, 2].flatMap((step) => promptVisits(step, episodes, episodes.prompt[0]!))
          : null;
      const input = {
        iteration: 3,
        episodes,
        texts,
        revealed,
        filter: place % 2 === 0 ? "" : filter,
        completions: 1 + (Math.abs(place) % 5),
        grouped: place % 3 !== 0,
        selected: place,
        offset: -place,
        history,
      };
      return (size) => <TailPanel {...input} {...size} />;
    }),
  "what if": fc
    .tuple(spoiled, measure, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(90), text)
    .map(([episodes, which, alpha, offset, reason]): Draw => {
      const { risk } = armConfig();
      const question = { ...risk, measure: which, alpha };
      const past = { step: 3, seed: 7, completions: 1, promptScores: null };
      const answer =
        offset === 0
          ? { reason }
          : episodes === null
            ? null
            : whatIf({ ...past, episodes }, question);
      const input = { iteration: 3, episodes, question, actual: risk, answer, offset };
      return (size) => <WhatIfPanel {...input} {...size} />;
    }),
  events: fc
    .tuple(fc.array(text, { maxLength: 20 }), text, fc.option(fc.nat(30)))
    .map(([words, filter, offset]): Draw => {
      const log = words.map(
        (one, seq): LogLine => ({
          seq,
          time: seq % 2 === 0 ? "2026-11-23T10:10:10.000Z" : one,
          trial: seq % 3 === 0 ? one : null,
          level: (["info", "warning", "error"] as const)[seq % 3]!,
          text: one,
        }),
      );
      const input = { log, filter: offset === 0 ? "" : filter, offset };
      return (size) => <EventLog {...input} {...size} />;
    }),
};

const size = fc.oneof(
  fc.record({ width: fc.nat(200), height: fc.nat(60) }),
  fc.record({ width: fc.nat(40), height: fc.nat(12) }),
);

/** What a terminal would take for an order, or would not give a place of its own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
const orders = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Beside other things on a screen that is larger, so that what leaves its rectangle is seen. */
const screen = { columns: 260, rows: 80 };

describe.each(Object.entries(panels))("the panel %s", (_, drawing) => {
  test("stays within its rectangle and gives the terminal no orders", () => {
    fc.assert(
      fc.property(drawing, size, anyStyle, (draw, room, style) => {
        const shown = drawn(draw(room), screen, style);
        const rows = shown === "" ? [] : shown.split("\n");
        expect(rows.length).toBeLessThanOrEqual(Math.max(1, room.height));
        for (const row of rows) {
          expect(displayWidth(row), JSON.stringify(row)).toBeLessThanOrEqual(room.width);
          expect(row).not.toMatch(orders);
          if (!style.unicode) {
            expect(row).toMatch(/^[\x20-\x7e]*$/);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("says the same with and without colour", () => {
    fc.assert(
      fc.property(drawing, size, fc.boolean(), (draw, room, unicode) => {
        const colored = drawn(draw(room), screen, { unicode, color: true });
        expect(colored).toBe(drawnRaw(draw(room), screen, { unicode, color: false }));
      }),
      { numRuns: 30 },
    );
  });
});
