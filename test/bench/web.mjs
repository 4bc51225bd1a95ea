/**
 * The web page over many runs: from the start of `averse serve` until its list has come, and the list
 * again, beside a folder without runs.
 *
 *   npm run build && node --import tsx test/bench/web.mjs [RUNS]
 *
 * Prints one JSON object; seconds, and CPU seconds of the server.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cpuSeconds } from "./cpu-time.mjs";
import { simulatedRun } from "./simulated-run.mjs";

const runs = Number(process.argv[2] ?? 500);
const repeats = 3;
const laterReads = 20;
const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "averse-web-"));
const [many, none] = [join(scratch, "many"), join(scratch, "none")];

try {
  mkdirSync(none);
  for (let nth = 0; nth < runs; nth += 1) {
    const name = `web-${nth}`;
    const shape = { iterations: 40, batch: 16, every: 20 };
    const run = await simulatedRun({ name, runsFolder: many, ...shape });
    await run.perform({ observe: () => {} });
  }
  const [full, empty] = [[], []].map(() => /** @type {Looks[]} */ ([]));
  for (let round = 0; round < repeats; round += 1) {
    full?.push(await looks(many));
    empty?.push(await looks(none));
  }
  const result = { runs, full: medians(full ?? []), empty: medians(empty ?? []) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/**
 * @typedef {{ seconds: number, cpu_seconds: number }} Spent
 * @typedef {{ first: Spent, later: Spent }} Looks
 */

/**
 * @param {string} folder of runs
 * @returns {Promise<Looks>} the first with the server's start; a later one is the mean of some
 */
async function looks(folder) {
  const began = performance.now();
  const server = spawn(process.execPath, [program, "serve", "--json", "--runs", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface(server.stdout).once("line", resolve);
      server.once("exit", (code) => reject(new Error(`averse serve ended with ${code}`)));
    });
    const { url } = JSON.parse(line);
    const pid = /** @type {number} */ (server.pid);
    const { headers } = await fetch(url, { redirect: "manual" });
    const cookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const list = async () => {
      const response = await fetch(new URL("/list", url), { headers: { cookie } });
      const text = await response.text();
      const shown = text.match(/<tr><th scope="row">/g)?.length ?? 0;
      if (response.status !== 200 || shown !== (folder === many ? runs : 0)) {
        throw new Error(`${url} answered ${response.status} with ${shown} runs`);
      }
    };
    await list();
    const first = { seconds: (performance.now() - began) / 1000, cpu_seconds: cpuSeconds(pid) };
    const [before, cpuBefore] = [performance.now(), cpuSeconds(pid)];
    for (let nth = 0; nth < laterReads; nth += 1) await list();
    const later = {
      seconds: (performance.now() - before) / 1000 / laterReads,
      cpu_seconds: (cpuSeconds(pid) - cpuBefore) / laterReads,
    };
    return { first, later };
  } finally {
    server.kill("SIGINT");
    await ended;
  }
}

/** @param {readonly Looks[]} all */
function medians(all) {
  const of = (/** @type {(one: Looks) => Spent} */ part) => ({
    seconds: median(all.map((one) => part(one).seconds)),
    cpu_seconds: median(all.map((one) => part(one).cpu_seconds)),
  });
  return { first: of(({ first }) => first), later: of(({ later }) => later) };
}

/** @param {readonly number[]} values */
function median(values) {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  return Number((middle ?? Number.NaN).toFixed(4));
}
