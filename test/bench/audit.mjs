/**
 * How long `averse audit` takes for a million scored outputs of two arms, grouped by prompt, and how
 * much memory:
 *
 *   npm run build && node test/bench/audit.mjs [rows]
 *
 * Prints one JSON object: seconds and MB by format. Each audit is a process of its own, so that its
 * memory is its own.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [, self, first = "1000000", ...rest] = process.argv;
if (first === "audit") {
  const { runCommandLine } = await import("../../dist/cli/program.js");
  const { processTerminal } = await import("../../dist/cli/terminal.js");
  const began = performance.now();
  const code = await runCommandLine(["audit", ...rest], { ...processTerminal(), out: () => {} });
  const seconds = (performance.now() - began) / 1000;
  const rss_mb = process.resourceUsage().maxRSS / 1024;
  const { user, system } = process.cpuUsage();
  process.stdout.write(
    JSON.stringify({ code, seconds, cpu_seconds: (user + system) / 1e6, rss_mb }),
  );
} else {
  const folder = mkdtempSync(join(tmpdir(), "averse-audit-"));
  const rows = Number(first);
  const files = { csv: join(folder, "scores.csv"), jsonl: join(folder, "scores.jsonl") };
  await write(
    files.csv,
    rows,
    (row) => `${Object.values(row).join(",")}\n`,
    "prompt,text,own,a,b\n",
  );
  await write(files.jsonl, rows, (row) => `${JSON.stringify(row)}\n`, "");
  const results = Object.fromEntries(
    Object.entries(files).map(([format, file]) => [format, measured(file)]),
  );
  rmSync(folder, { recursive: true });
  const all = Object.values(results);
  const worst = {
    seconds: Math.max(...all.map(({ seconds }) => seconds)),
    rss_mb: Math.max(...all.map(({ rss_mb }) => rss_mb)),
  };
  process.stdout.write(`${JSON.stringify({ rows, node: process.version, ...results, worst })}\n`);
}

/** @param {string} file */
function measured(file) {
  const options = [
    ...["--arm", "a=a", "--arm", "b=b", "--prompt", "prompt", "--prompt-score", "own"],
    ...["--text", "text", "--harm-threshold", "-1", "--json"],
  ];
  const { stdout, stderr } = spawnSync(process.execPath, [self ?? "", "audit", file, ...options]);
  const { code, seconds, cpu_seconds, rss_mb } = JSON.parse(String(stdout));
  if (code !== 0) throw new Error(`the audit of ${file} ended with ${code}: ${stderr}`);
  return {
    seconds: Number(seconds.toFixed(2)),
    cpu_seconds: Number(cpu_seconds.toFixed(2)),
    rss_mb: Math.round(rss_mb),
  };
}

/**
 * @param {string} file
 * @param {number} rows four per prompt
 * @param {(row: Record<string, string | number>) => string} line
 * @param {string} header
 */
async function write(file, rows, line, header) {
  const stream = createWriteStream(file);
  stream.write(header);
  let word = 1;
  const next = () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 32;
  };
  const text = "the quick brown fox jumps over the lazy dog and then some more words ".repeat(3);
  for (let at = 0; at < rows; at += 1) {
    const a = next() + next() + next() - 1.5;
    const row = {
      prompt: `what would you say to somebody who asks about number ${at >> 2}?`,
      text: text.slice(0, 60 + Math.floor(next() * 140)),
      own: next() * 2 - 1,
      a,
      b: a + next() * 0.2,
    };
    if (!stream.write(line(row))) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "finish");
}
