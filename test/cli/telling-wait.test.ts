import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tellingWait } from "../../src/cli/terminal.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(resolve, ms, value));

test("nothing is said of work that is done within a second, nor after it", async () => {
  const lines: string[] = [];
  const work = tellingWait(
    { err: (line) => lines.push(line), isTty: true },
    "reading",
    after(900, "rows"),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await work).toBe("rows");
  expect(lines).toEqual([]);
});

test("longer work is named after a second, and then with the time it has taken", async () => {
  const lines: string[] = [];
  const work = tellingWait(
    { err: (line) => lines.push(line), isTty: true },
    "reading",
    after(25_000, "rows"),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await work).toBe("rows");
  expect(lines).toEqual(["reading …", "reading: 11 s", "reading: 21 s"]);
});

test("off a terminal it is named after ten seconds", async () => {
  const lines: string[] = [];
  const off = { err: (line: string) => lines.push(line), isTty: false };
  const short = tellingWait(off, "reading", after(9000, "rows"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await short).toBe("rows");
  expect(lines).toEqual([]);
  const long = tellingWait(off, "reading", after(25_000, "rows"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await long).toBe("rows");
  expect(lines).toEqual(["reading …", "reading: 20 s"]);
});

test("work that fails ends the telling, and fails", async () => {
  const lines: string[] = [];
  const work = tellingWait(
    { err: (line) => lines.push(line), isTty: true },
    "reading",
    after(1500, null).then(() => Promise.reject(new Error("no such file"))),
  );
  const outcome = expect(work).rejects.toThrow("no such file");
  await vi.advanceTimersByTimeAsync(60_000);
  await outcome;
  expect(lines).toEqual(["reading …"]);
});
