import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tellingWait } from "../../src/cli/terminal.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(resolve, ms, value));

test("nothing is said of work that is done within a second, nor after it", async () => {
  const lines: string[] = [];
  const work = tellingWait({ err: (line) => lines.push(line) }, "reading", after(900, "rows"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await work).toBe("rows");
  expect(lines).toEqual([]);
});

test("longer work is named after a second, and then with the time it has taken", async () => {
  const lines: string[] = [];
  const work = tellingWait({ err: (line) => lines.push(line) }, "reading", after(25_000, "rows"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await work).toBe("rows");
  expect(lines).toEqual(["reading …", "reading: 11 s", "reading: 21 s"]);
});

test("work that fails ends the telling, and fails", async () => {
  const lines: string[] = [];
  const work = tellingWait(
    { err: (line) => lines.push(line) },
    "reading",
    after(1500, null).then(() => Promise.reject(new Error("no such file"))),
  );
  const outcome = expect(work).rejects.toThrow("no such file");
  await vi.advanceTimersByTimeAsync(60_000);
  await outcome;
  expect(lines).toEqual(["reading …"]);
});
