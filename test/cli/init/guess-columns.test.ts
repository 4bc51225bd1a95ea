import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ColumnFacts, guessColumns } from "../../../src/cli/init/guess-columns.js";

const text = (name: string, length = 200): ColumnFacts => ({
  name,
  type: "text",
  values: null,
  length,
});
const few = (name: string, ...values: (string | number | boolean)[]): ColumnFacts => ({
  name,
  type: typeof values[0] === "string" ? "text" : "number",
  values,
  length: 5,
});
const number = (name: string): ColumnFacts => ({ name, type: "number", values: null, length: 0 });
const chat = (name: string): ColumnFacts => ({ name, type: "messages", values: null, length: 0 });

describe("columns are told by their names, and by what is in them", () => {
  test.each<[string, ColumnFacts[], object]>([
    [
      "IMDB",
      [text("text"), few("label", 0, 1)],
      { columns: { text: "text" }, label: "label", good: 1, isSure: true },
    ],
    [
      "reviews",
      [number("id"), text("Review"), few("sentiment", "negative", "positive")],
      { columns: { text: "Review" }, label: "sentiment", good: "positive", isSure: true },
    ],
    [
      "Jigsaw",
      [text("id", 16), text("comment_text"), few("toxic", 0, 1), few("insult", 0, 1)],
      { columns: { text: "comment_text" }, label: "toxic", good: 0, isSure: true },
    ],
    [
      "hate speech",
      [few("class", "hate", "neither", "offensive"), text("tweet", 80)],
      { columns: { text: "tweet" }, label: "class", good: "neither", isSure: true },
    ],
    [
      "OLID",
      [number("id"), text("tweet"), few("subtask_a", "NOT", "OFF")],
      { columns: { text: "tweet" }, label: "subtask_a", good: "NOT", isSure: true },
    ],
    [
      "scores of toxicity",
      [text("prompt"), text("continuation"), number("toxicity")],
      {
        columns: { prompt: "prompt", completion: "continuation" },
        label: "toxicity",
        good: { column: "toxicity", below: 0.5 },
        isSure: true,
      },
    ],
    [
      "calls of functions",
      [chat("messages"), { ...chat("tools"), type: "other" }],
      { columns: { messages: "messages", tools: "tools" }, label: null },
    ],
    [
      "a list of tools beside a text",
      [text("text"), { ...chat("tools"), type: "other" }],
      { columns: { text: "text" }, label: null },
    ],
    [
      "preference pairs",
      [text("prompt"), text("chosen"), text("rejected"), number("margin")],
      {
        columns: { prompt: "prompt", chosen: "chosen", rejected: "rejected" },
        label: null,
        good: null,
        isSure: true,
      },
    ],
    ["chats", [chat("messages")], { columns: { messages: "messages" }, label: null, good: null }],
    [
      "an unknown name: the longest texts",
      [text("author", 12), text("avis", 300), few("note", "bien", "mal", "moyen")],
      { columns: { text: "avis" }, label: "note", good: "bien", isSure: false },
    ],
    ["prompts alone", [text("instruction")], { columns: { prompt: "instruction" }, label: null }],
  ])("%s", (_, columns, guess) => {
    expect(guessColumns(columns)).toMatchObject(guess);
  });

  test("numbers alone are no data", () => {
    expect(guessColumns([number("a"), few("b", 1, 2)])).toBeNull();
  });

  test("a column with a classifier's labels as values is the label", () => {
    const all = [text("words"), few("lang", "de", "en"), few("mood", "angry", "glad", "so-so")];
    expect(guessColumns(all)).toMatchObject({ label: "lang" });
    const guess = guessColumns(all, ["Angry", "so-so", "glad"]);
    expect(guess).toMatchObject({ label: "mood", good: "glad", isSure: true });
  });
});

test("whatever there is, no column is used twice and each is one of the file's", () => {
  const facts = fc.record({
    name: fc.oneof(
      fc.constantFrom("text", "prompt", "chosen", "rejected", "label", "toxic", "messages"),
      fc.string(),
    ),
    type: fc.constantFrom("text", "number", "messages", "other"),
    values: fc.option(
      fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxLength: 6 }),
    ),
    length: fc.nat(1000),
  }) satisfies fc.Arbitrary<ColumnFacts>;
  const columns = fc.uniqueArray(facts, { maxLength: 8, selector: ({ name }) => name });
  fc.assert(
    fc.property(columns, (all) => {
      const guess = guessColumns(all);
      if (guess === null) return;
      const used = [
        ...Object.values(guess.columns),
        ...(guess.label === null ? [] : [guess.label]),
      ];
      expect(new Set(used).size).toBe(used.length);
      for (const name of used) expect(all.map((one) => one.name)).toContain(name);
      const { values = null } = all.find(({ name }) => name === guess.label) ?? {};
      if (guess.good !== null && typeof guess.good !== "object") {
        expect(values).toContain(guess.good);
      }
    }),
  );
});
