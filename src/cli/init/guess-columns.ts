/** What the columns of a data file are most likely for, by their names and values. Pure. */

/** What is known of one column from a file's first rows. */
export interface ColumnFacts {
  readonly name: string;
  readonly type: "text" | "number" | "messages" | "other";
  /** Its different values, where they are few; null: many. */
  readonly values: readonly (string | number | boolean)[] | null;
  /** Mean length of texts, in characters; 0 for others. */
  readonly length: number;
}

export interface ColumnGuess {
  /** Columns that texts come from, as `data.columns` has them. */
  readonly columns: Readonly<
    Partial<
      Record<
        "text" | "prompt" | "completion" | "messages" | "chosen" | "rejected" | "tools",
        string
      >
    >
  >;
  readonly label: string | null;
  /** `data.good`; null: no label says it. */
  readonly good:
    | string
    | number
    | boolean
    | { readonly column: string; readonly below: number }
    | null;
  /** Whether `good` is more than the first value that came up. */
  readonly isSure: boolean;
}

const texts = [
  ...["text", "review", "comment", "comment_text", "tweet", "sentence", "content", "body"],
  ...["document", "message", "post", "title"],
];
const prompts = ["prompt", "question", "instruction", "query", "input"];
const completions = ["completion", "response", "answer", "output", "continuation"];
const conversations = ["messages", "conversation", "conversations", "chat", "dialog", "dialogue"];
const labels = [
  ...["label", "labels", "sentiment", "class", "category", "target", "toxic", "toxicity"],
  ...["offensive", "hate", "harmful", "rating", "score", "stars", "subtask_a"],
];
const goodValues = [
  ...["good", "positive", "pos", "harmless", "safe", "clean", "neither", "not", "none", "ok"],
  ...["nontoxic", "not_toxic", "non-toxic", "non_toxic", "ham", "normal", "no"],
  ...["joy", "joyful", "happy", "glad", "love", "kind", "polite", "calm"],
];
const badValues = [
  "bad",
  "negative",
  "neg",
  "harmful",
  "unsafe",
  "toxic",
  "off",
  "hate",
  "offensive",
  "anger",
  "angry",
  "sad",
  "sadness",
  "fear",
  "disgust",
  "insult",
  "rude",
];

/**
 * @param classes labels of classifiers at hand: a column that has such values is likely the label
 * @returns null: no column holds text
 */
export function guessColumns(
  all: readonly ColumnFacts[],
  classes: readonly string[] = [],
): ColumnGuess | null {
  const written = textColumns(all);
  if (written === null) return null;
  const columns = { ...written, ...toolsOf(all, written) };
  const used = new Set(Object.values(columns));
  const label = labelColumn(
    all.filter(({ name }) => !used.has(name)),
    new Set(classes.map(plain)),
  );
  return { columns, label: label?.name ?? null, ...(label === null ? noGood : goodOf(label)) };
}

function textColumns(all: readonly ColumnFacts[]): ColumnGuess["columns"] | null {
  const named = (names: readonly string[], type = "text") =>
    first(all, names, (one) => one.type === type)?.name;
  const [chosen, rejected] = ["chosen", "rejected"].map(
    (name) => all.find((one) => plain(one.name) === name)?.name,
  );
  const prompt = named(prompts) ?? named(prompts, "messages");
  if (chosen !== undefined && rejected !== undefined) {
    return { ...(prompt === undefined ? {} : { prompt }), chosen, rejected };
  }
  const messages =
    first(all, conversations, ({ type }) => type === "messages") ??
    all.find(({ type }) => type === "messages");
  if (messages !== undefined) return { messages: messages.name };
  const completion = named(completions);
  if (prompt !== undefined) return completion === undefined ? { prompt } : { prompt, completion };
  const text = named(texts) ?? longest(all);
  return text === undefined ? null : { text };
}

/** Only conversations are written with their tools. */
function toolsOf(
  all: readonly ColumnFacts[],
  texts: ColumnGuess["columns"],
): { readonly tools?: string } {
  const spoken = Object.values(texts).some(
    (name) => all.find((one) => one.name === name)?.type === "messages",
  );
  const tools = all.find(({ name }) => plain(name) === "tools");
  return spoken && tools !== undefined ? { tools: tools.name } : {};
}

function longest(all: readonly ColumnFacts[]): string | undefined {
  const written = all.filter(({ type, values }) => type === "text" && values === null);
  return written.sort((a, b) => b.length - a.length)[0]?.name;
}

function labelColumn(
  others: readonly ColumnFacts[],
  classes: ReadonlySet<string>,
): ColumnFacts | null {
  const few = ({ values, type }: ColumnFacts) =>
    values !== null ? values.length > 1 : type === "number";
  return (
    first(others, labels, few) ??
    others.find(({ values }) => knownIn(values, classes) > 1) ??
    others.find(({ values }) => values !== null && values.length > 1 && values.length <= 5) ??
    null
  );
}

function knownIn(values: ColumnFacts["values"], classes: ReadonlySet<string>): number {
  return (values ?? []).filter((value) => classes.has(plain(String(value)))).length;
}

const noGood = { good: null, isSure: true } as const;

function goodOf({ name, values, type }: ColumnFacts): Pick<ColumnGuess, "good" | "isSure"> {
  const isHarm = /tox|hate|offens|harm|insult|obscen|threat|abus|spam/i.test(name);
  if (values === null) {
    return type === "number"
      ? { good: { column: name, below: 0.5 }, isSure: isHarm }
      : { good: null, isSure: false };
  }
  const words = values.map((value) => plain(String(value)));
  const known = words.findIndex((word) => goodValues.includes(word));
  if (known >= 0) return { good: values[known]!, isSure: true };
  const isBinary = words.every((word) => ["0", "1", "true", "false"].includes(word));
  if (isBinary) {
    const wanted = isHarm ? ["0", "false"] : ["1", "true"];
    const found = words.findIndex((word) => wanted.includes(word));
    return { good: values[Math.max(0, found)]!, isSure: found >= 0 };
  }
  const others = values.filter((_, at) => !badValues.includes(words[at]!));
  return { good: others[0] ?? values[0]!, isSure: others.length === 1 && values.length === 2 };
}

/** In the order of the names, not of the columns: the likeliest name wins. */
function first(
  all: readonly ColumnFacts[],
  names: readonly string[],
  fits: (one: ColumnFacts) => boolean,
): ColumnFacts | undefined {
  for (const wanted of names) {
    const found = all.find((one) => plain(one.name) === wanted && fits(one));
    if (found !== undefined) return found;
  }
  return undefined;
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}
