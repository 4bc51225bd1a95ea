/** A journal as views read it: the same events as its reader gives, without what is large. */
import { appendFileSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JournalEntry } from "../../src/journal/event-head.js";
import type { EventPayload, JournalEvent } from "../../src/journal/events.js";
import { JournalIndex } from "../../src/journal/journal-index.js";
import { readJournal } from "../../src/journal/reader.js";
import { evaluatedPayload, stepPayload } from "../engine/event-payloads.js";
import { newRun } from "../store/folders.js";

const all = (index: JournalIndex): JournalEntry[] => [...index.read()].flat();

async function events(run: string): Promise<JournalEvent[]> {
  const found: JournalEvent[] = [];
  for await (const event of readJournal(run)) found.push(event);
  return found;
}

function withoutLarge(event: JournalEvent): object {
  const { episodes: _e, arrays: _a, ...head } = event as JournalEvent & Record<string, unknown>;
  return head;
}

const figures = fc.array(
  fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
  {
    maxLength: 5,
  },
);
/** Words that look like what is skipped, and others that are hard to carry. */
const words = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom('"episodes":{', '"arrays":{"weight":[1]}', '"length":[]}', "\n]}", "🙂\u2028"),
);
const payloads: fc.Arbitrary<EventPayload> = fc.oneof(
  words.map((message): EventPayload => ({ type: "warning", message })),
  fc.record({ reward: figures, weight: fc.array(fc.nat(9), { maxLength: 5 }) }).map(
    ({ reward, weight }): EventPayload =>
      stepPayload({
        episodes: { prompt: [1], reward, kl: reward, return: reward, length: [], weight },
      }),
  ),
  figures.map((reward): EventPayload => evaluatedPayload({ arrays: { reward, judge: reward } })),
  words.map(
    (path): EventPayload => ({ type: "model_exported", path, files: { [path]: "x" }, bytes: 1 }),
  ),
);

test("heads are the events without their arrays, whole events are the journal's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(payloads, { maxLength: 12 }), async (told) => {
      const run = newRun();
      const index = new JournalIndex(run.directory);
      const entries: JournalEntry[] = [];
      for (const [at, eventPayload] of told.entries()) {
        run.append("a-s0", eventPayload);
        if (at % 3 === 0) entries.push(...all(index));
      }
      entries.push(...all(index));
      run.close();
      const written = await events(run.directory);
      expect(entries.map(({ head }) => head)).toEqual(written.map(withoutLarge));
      expect(entries.map((entry) => index.event(entry))).toEqual(written);
      expect(all(index)).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test("a line that is being written is left for later; one that is cut off again does no harm", () => {
  const run = newRun();
  const path = join(run.directory, "journal.jsonl");
  const index = new JournalIndex(run.directory);
  run.append(null, { type: "warning", message: "first" });
  const whole = statSync(path).size;
  appendFileSync(path, '{"seq":2,"time":"","trial":null,"type":"pa');
  expect(all(index)).toHaveLength(1);
  expect(all(index)).toHaveLength(0);
  appendFileSync(path, 'used"}\n');
  expect(all(index).map(({ head }) => head.type)).toEqual(["paused"]);
  appendFileSync(path, "{");
  expect(all(index)).toEqual([]);
  truncateSync(path, whole);
  expect(all(index)).toEqual([]);
});

test("lines longer than what is read at once are events like all others", () => {
  const run = newRun();
  const index = new JournalIndex(run.directory);
  const big = (length: number) => stepPayload({ episodes: episodes(length) });
  run.append("a-s0", big(3));
  run.append("a-s0", big(4000));
  for (let step = 0; step < 30; step += 1) run.append("a-s0", big(4000));
  expect(statSync(join(run.directory, "journal.jsonl")).size).toBeGreaterThan(4 << 20);
  const chunks = [...index.read()];
  expect(chunks.length).toBeGreaterThan(1);
  expect(chunks.flat().map(({ head }) => head.seq)).toEqual(
    Array.from({ length: 32 }, (_, i) => i + 1),
  );
  expect(index.offset).toBe(readFileSync(join(run.directory, "journal.jsonl")).length);
});

test("damage is told with its place", () => {
  const run = newRun();
  run.append(null, { type: "paused" });
  const { size } = statSync(join(run.directory, "journal.jsonl"));
  appendFileSync(join(run.directory, "journal.jsonl"), "not an event\n");
  const index = new JournalIndex(run.directory);
  expect(() => all(index)).toThrow(
    new RegExp(`journal.jsonl: the line at byte ${size} is not an event`),
  );
  expect(() => new JournalIndex(join(run.directory, "none")).read().next()).toThrow(
    /cannot read .*no such file/,
  );
});

function episodes(count: number) {
  const of = (value: number) => Array.from({ length: count }, () => value);
  const figure = of(-1.2345678);
  return {
    prompt: of(1),
    reward: figure,
    kl: figure,
    return: figure,
    length: of(9),
    weight: of(1),
  };
}
