import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cellKey, textKey } from "../../src/tables/cell-key.js";
import { findColumn } from "../../src/tables/find-column.js";
import { finiteNumber } from "../../src/tables/finite-number.js";
import { openTable } from "../../src/tables/open-table.js";

const folder = mkdtempSync(join(tmpdir(), "averse-tables-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

interface Read {
  readonly cells: unknown[];
  readonly lines: (number | null)[];
}

async function columnOf(path: string, name: string, as: "value" | "key" = "value"): Promise<Read> {
  const table = await openTable(path, null);
  const read: { cells: unknown[]; lines: (number | null)[] } = { cells: [], lines: [] };
  await table.read([{ column: findColumn(table, name), as }], (batch) => {
    expect(batch.firstRow).toBe(read.cells.length + 1);
    for (let at = 0; at < batch.rows; at += 1) {
      read.cells.push(batch.cells[0]![at]);
      read.lines.push(batch.lineOf(at));
    }
    return true;
  });
  return read;
}

const failing = async (path: string, column = "a"): Promise<string> =>
  columnOf(path, column).then(
    () => "nothing was refused",
    (error: Error) => error.message.replaceAll(folder, "…"),
  );

describe("CSV and TSV", () => {
  test.each([
    ["line feeds", "a,b\n1,x\n2,y\n"],
    ["carriage returns and line feeds", "a,b\r\n1,x\r\n2,y\r\n"],
    ["a byte order mark", "\uFEFFa,b\n1,x\n2,y\n"],
    ["a byte order mark before a quote", '\uFEFF"a","b"\n1,x\n2,y\n'],
    ["no line feed at the end", "a,b\n1,x\n2,y"],
    ["blank lines", "\na,b\n\n1,x\n\n2,y\n\n"],
    ["semicolons", "a;b\n1;x\n2;y\n"],
    ["quotes everywhere", '"a","b"\n"1","x"\n"2","y"\n'],
  ])("with %s", async (_, text) => {
    const path = file("one.csv", text);
    expect((await columnOf(path, "a")).cells).toEqual(["1", "2"]);
    expect((await columnOf(path, "b")).cells).toEqual(["x", "y"]);
  });

  test("keep what is inside quotes, and count its lines", async () => {
    const path = file("two.csv", 'a,b\n1,"x, ""y""\nz"\n2,w\n');
    expect(await columnOf(path, "b")).toEqual({ cells: ['x, "y"\nz', "w"], lines: [2, 4] });
  });

  test("also compressed, and with tabs", async () => {
    expect((await columnOf(file("a.csv.gz", gzipSync("a,b\n1,é\n")), "b")).cells).toEqual(["é"]);
    expect((await columnOf(file("a.tsv", "a\tb,c\n1\tx;y\n"), "b,c")).cells).toEqual(["x;y"]);
  });

  test("read back what was written, in pieces of any size", async () => {
    const cell = fc.string({ unit: fc.constantFrom(...'ab,"\n\r;é😀 ') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }),
        async (rows) => {
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const text = ["a,b", ...rows.map((row) => row.map(quoted).join(","))].join("\r\n");
          const path = file("drawn.csv", text);
          expect((await columnOf(path, "a")).cells).toEqual(rows.map(([a]) => a));
          expect((await columnOf(path, "b")).cells).toEqual(rows.map(([, b]) => b));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("of more than one piece: a row and a character may lie across two", async () => {
    const rows = Array.from({ length: 30_000 }, (_, at) => `${at},"é${"ü\n".repeat(at % 40)}"`);
    const path = file("long.csv", `a,b\n${rows.join("\n")}\n`);
    const { cells, lines } = await columnOf(path, "a");
    expect(cells).toEqual(rows.map((_, at) => `${at}`));
    expect(lines.at(-1)).toBe(
      2 + rows.reduce((sum, _, at) => sum + 1 + (at % 40), 0) - 1 - (29_999 % 40),
    );
    const table = await openTable(path, null);
    expect(await table.cellsAt({ column: "b", path: [] }, [1, 8000, 29_999])).toEqual(
      [0, 7999, 29_998].map((at) => `é${"ü\n".repeat(at % 40)}`),
    );
  });

  test.each([
    ["a,b\n1,2\n3\n", "…/x.csv, row 2 (line 3): 1 fields, the header has 2"],
    ["a,b\n1,2,3\n", "row 1 (line 2): 3 fields"],
    ['a,b\n1,"x\n2,y\n', "a quote is opened and not closed"],
    ["a,a\n1,2\n", '2 columns are called "a"'],
    ["reward,b\n1,2\n", 'no column "a"'],
    ["", "the file is empty"],
    ["\n\n", "no header"],
  ])("refuse %j", async (text, message) => {
    expect(await failing(file("x.csv", text))).toContain(message);
  });

  test("refuse another encoding, and damaged compression", async () => {
    expect(await failing(file("u.csv", Buffer.from("\uFEFFa,b\n1,2\n", "utf16le")))).toContain(
      "UTF-16",
    );
    expect(await failing(file("l.csv", Buffer.from("a,b\n1,é\n", "latin1")))).toContain(
      "not UTF-8",
    );
    const whole = gzipSync(`a\n${"1\n".repeat(5000)}`);
    expect(await failing(file("c.csv.gz", whole.subarray(0, 40)))).toContain("damaged or cut off");
  });
});

describe("JSON rows", () => {
  test("one per line, blank lines and all", async () => {
    const path = file("a.jsonl", '{"a":1,"b":{"c":[5]}}\n\n{"a":2,"b":{"c":[6]}}');
    expect(await columnOf(path, "a")).toEqual({ cells: [1, 2], lines: [1, 3] });
    expect((await columnOf(path, "b.c.0")).cells).toEqual([5, 6]);
    expect((await openTable(path, null)).fields).toEqual(["b.c"]);
  });

  test("in one array, and lines in a .json file", async () => {
    expect((await columnOf(file("a.json", '[{"a":1},\n{"a":2}]'), "a")).cells).toEqual([1, 2]);
    expect((await columnOf(file("b.json", '{"a":1}\n{"a":2}\n'), "a")).cells).toEqual([1, 2]);
  });

  test("with one key in several objects, and texts that spell keys", async () => {
    const path = file("k.jsonl", '{"a":{"a":"\\"a\\":"},"b":[{"a":1},{"a":2}],"c":"a"}\n');
    expect((await columnOf(path, "a.a")).cells).toEqual(['"a":']);
  });

  test("with Python's NaN and Infinity, which texts may name too", async () => {
    const path = file("n.jsonl", '{"a":NaN,"b":"NaN, \\"NaN"}\n{"a":-Infinity,"b":"x"}\n');
    expect((await columnOf(path, "a")).cells.map(finiteNumber)).toEqual(["NaN", "infinite"]);
    expect((await columnOf(path, "b")).cells).toEqual(['NaN, "NaN', "x"]);
  });

  test.each([
    ['{"a":1}\nnot json\n', "line 2: not a JSON object"],
    ['{"a":1}\n[1]\n', "line 2: not a JSON object"],
    ['[{"a":1},2]', "row 2: not an object"],
    ['[{"a":1}', "not JSON, or cut off"],
    ['{"a":1}\n{"a":1,"a":2}\n', 'line 2: the key "a" twice in one object'],
    ['{"b":{"c":1,"a":[{"\\u0063":1,"c":2}]},"a":1}', 'line 1: the key "c" twice'],
    ['[{"a":1},\n{"a":"\\\\","a":NaN}]', 'line 2: the key "a" twice'],
    ["  \n", "no rows"],
  ])("refuse %j", async (text, message) => {
    expect(await failing(file("x.jsonl", text))).toContain(message);
  });
});

describe("Parquet", () => {
  const python =
    process.env.AVERSE_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
  const codecs = ["snappy", "zstd", "gzip", "brotli", "lz4", "none"];
  const values = Array.from({ length: 300 }, (_, at) => ((at * 7919) % 2003) / 97 - 10);
  beforeAll(() => {
    const program = `
import decimal
import pyarrow as pa, pyarrow.parquet as pq
x = [((at * 7919) % 2003) / 97 - 10 for at in range(300)]
table = pa.table({
    "double": x,
    "single": pa.array(x, pa.float32()),
    "half": pa.array([round(v) for v in x], pa.float16()),
    "whole": pa.array([at - 2**60 for at in range(300)], pa.int64()),
    "tiny": pa.array([int(v) for v in x], pa.int8()),
    "unsigned": pa.array(range(300), pa.uint64()),
    "exact": pa.array([decimal.Decimal(int(v * 100)).scaleb(-2) for v in x], pa.decimal128(10, 2)),
    "holes": [None if at == 5 else v for at, v in enumerate(x)],
    "words": pa.array([f"{v:.1f}" for v in x]).dictionary_encode(),
    "prompt": [f"prompt {at // 3} é" + "x" * (at // 3 % 40) for at in range(300)],
    "nested": [{"score": v, "text": "t"} for v in x],
    "messages": [[{"role": "user", "content": f"q{at // 3}"}] for at in range(300)],
})
for codec in ${JSON.stringify(codecs)}:
    pq.write_table(table, f"{codec}.parquet", compression=codec, row_group_size=97, data_page_size=500)
pq.write_table(table, "index.parquet", data_page_version="2.0", write_page_index=True, use_dictionary=False)
pq.write_table(table, "delta.parquet", use_dictionary=False, column_encoding={
    "double": "BYTE_STREAM_SPLIT", "whole": "DELTA_BINARY_PACKED", "prompt": "DELTA_BYTE_ARRAY"})
`;
    execFileSync(python, ["-c", program], { cwd: folder });
  });

  test.each([...codecs, "index", "delta"])("of pyarrow, %s", async (name) => {
    const path = join(folder, `${name}.parquet`);
    const numbers = async (column: string): Promise<unknown[]> =>
      (await columnOf(path, column)).cells.map(finiteNumber);
    expect(await numbers("double")).toEqual(values);
    expect(await numbers("single")).toEqual(values.map(Math.fround));
    expect(await numbers("nested.score")).toEqual(values);
    expect(await numbers("whole")).toEqual(values.map((_, at) => at - 2 ** 60));
    expect(await numbers("tiny")).toEqual(values.map((value) => Math.trunc(value) + 0));
    expect(await numbers("unsigned")).toEqual(values.map((_, at) => at));
    expect(await numbers("exact")).toEqual(
      values.map((value) => Math.trunc(value * 100) / 100 + 0),
    );
    expect(await numbers("words")).toEqual(values.map((value) => Number(value.toFixed(1)) + 0));
    expect(
      (await numbers("half")).every(
        (value, at) => Math.abs((value as number) - values[at]!) <= 0.5,
      ),
    ).toBe(true);
    expect((await numbers("holes"))[5]).toBe("missing (null)");
    const { cells: prompts } = await columnOf(path, "prompt");
    const { cells: keys } = await columnOf(path, "prompt", "key");
    expect(keys).toEqual(prompts.map(cellKey));
    expect(new Set(keys).size).toBe(100);
    expect(new Set((await columnOf(path, "messages", "key")).cells).size).toBe(100);
    const table = await openTable(path, null);
    expect(await table.cellsAt({ column: "prompt", path: [] }, [1, 98, 250])).toEqual(
      [0, 97, 249].map((at) => prompts[at]),
    );
    expect(table.fields).toEqual(["nested.score", "nested.text"]);
  });

  test("that is cut off is refused, with its name", async () => {
    const path = file("cut.parquet", "PAR1 and then nothing");
    expect(await failing(path)).toContain("…/cut.parquet: not a whole Parquet file");
  });
});

test("a format that no name tells is asked for", async () => {
  expect(await failing(file("scores.dat", "a,b\n1,2\n"))).toContain("--format");
  expect((await openTable(file("more.dat", "a,b\n1,2\n"), "csv")).columns).toEqual(["a", "b"]);
  expect(await failing(folder)).toContain("a folder");
  expect(await failing("-")).toContain("standard input and pipes cannot be read");
  expect(await failing("/dev/null")).toContain("standard input and pipes cannot be read");
});

test("a column that is not there is told with the nearest ones", async () => {
  const table = await openTable(file("c.jsonl", '{"reward":1,"prompt":{"toxicity":2}}\n'), null);
  expect(() => findColumn(table, "rewrad")).toThrow('no column "rewrad" in its first row');
  expect(() => findColumn(table, "rewrad")).toThrow('Did you mean "reward"?');
  expect(() => findColumn(table, "toxicity")).toThrow('Did you mean "prompt.toxicity"?');
  expect(findColumn(table, "prompt.toxicity")).toEqual({ column: "prompt", path: ["toxicity"] });
});

test("a column with a dot in its name is itself, not a field", async () => {
  const table = await openTable(file("d.csv", "doc,doc.score\nx,1\n"), null);
  expect(findColumn(table, "doc.score")).toEqual({ column: "doc.score", path: [] });
});

describe("finiteNumber", () => {
  test.each([
    [1.5, 1.5],
    ["-1.5e-3", -0.0015],
    [" +2. ", 2],
    [".5", 0.5],
    [2n ** 70n, 2 ** 70],
  ])("takes %s", (cell, number) => {
    expect(finiteNumber(cell)).toBe(number);
  });

  test.each([
    ["", "missing (empty)"],
    [null, "missing (null)"],
    [undefined, "missing"],
    [Number.NaN, "NaN"],
    ["nan", "NaN"],
    [Number.NEGATIVE_INFINITY, "infinite"],
    ["-inf", "infinite"],
    ["1e999", "1e999, too large for a double"],
    ["0,5", '"0,5", not a number (write a decimal point)'],
    ["0x10", '"0x10", not a number'],
    ["12%", '"12%", not a number'],
    [true, "true, not a number"],
    [[1, 2], "a list of 2: name one as COLUMN.0, or write one row per score"],
    [{ a: 1 }, "an object with a: name one as COLUMN.KEY"],
  ])("tells what %j is", (cell, words) => {
    expect(finiteNumber(cell)).toBe(words);
  });

  test("masks longer text: a wrong column may be what a model wrote", () => {
    expect(finiteNumber("You are a horrible person")).toBe(
      '"Y·· a·· a h······· p… (masked)", not a number',
    );
  });

  test("takes every number as it is printed", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(finiteNumber(`${value}`)).toBe(value + 0 === 0 ? finiteNumber("0") : value);
      }),
    );
  });
});

test("keys of cells are the same for texts and their bytes, and differ where cells do", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      expect(textKey(Buffer.from(text))).toBe(cellKey(text));
    }),
  );
  const keys = ["1", 1, "a".repeat(30), "a".repeat(31), ["a".repeat(30)], '["a"]', ["a"]].map(
    cellKey,
  );
  expect(new Set(keys).size).toBe(keys.length);
});
