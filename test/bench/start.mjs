/**
 * How long `averse --help` and `averse ls` take, against Node itself, started in turn:
 *
 *   npm run build && node test/bench/start.mjs [rounds]
 *
 * Prints one JSON object; times are in milliseconds, from the start of a process to its end.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const rounds = Number(process.argv[2] ?? 30);
const folder = mkdtempSync(join(tmpdir(), "averse-start-"));
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** @type {Readonly<Record<string, string[]>>} */
const commands = { node: ["-e", "0"], help: [main, "--help"], ls: [main, "ls"] };
/** @type {Record<string, number[]>} */
const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, argv] of Object.entries(commands)) {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd: folder });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    times[name]?.push(performance.now() - began);
  }
}
rmSync(folder, { recursive: true });

const ms = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
const times_of_node = { help: ratio("help"), ls: ratio("ls") };
process.stdout.write(`${JSON.stringify({ rounds, node: process.version, ms, times_of_node })}\n`);

/** @param {string} name */
function ratio(name) {
  return (ms[name] ?? Number.NaN) / (ms.node ?? Number.NaN);
}

/** @param {readonly number[]} all */
function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}
