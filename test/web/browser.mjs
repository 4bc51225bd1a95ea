/**
 * Looks at the web page in headless Chromium, at 1200 and 400 pixels: list, progress and report of the
 * newest run. Fails where a page is wider than the window, asks for something elsewhere, or has an
 * error. No part of `npm test`: it needs Chromium, and playwright-core (`npm install --no-save`).
 *
 *   node test/web/browser.mjs [--runs DIR] [--out DIR]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "runs" },
    out: { type: "string", default: "screenshots" },
    chromium: { type: "string" },
  },
});
const executablePath =
  values.chromium ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (executablePath === undefined) {
  throw new Error("no Chromium found: install it, or name it with --chromium PATH");
}
/** Not resolved by the compiler: the package is optional. */
const packageName = "playwright-core";
/** @type {any} */
const { chromium } = await import(packageName).catch(() => {
  throw new Error("playwright-core is missing: npm install --no-save playwright-core");
});

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const server = spawn(process.execPath, [program, "serve", "--json", "--runs", values.runs], {
  stdio: ["ignore", "pipe", "inherit"],
});
/** @type {string[]} */
const faults = [];
mkdirSync(values.out, { recursive: true });
try {
  const [line] = await new Promise((resolve, reject) => {
    createInterface(server.stdout).once("line", (text) => resolve([text]));
    server.once("exit", () => reject(new Error("averse serve ended")));
  });
  const { url } = JSON.parse(line);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  for (const width of [1200, 400]) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on("pageerror", (/** @type {Error} */ error) => faults.push(error.message));
    page.on("console", (/** @type {any} */ message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    page.on("request", (/** @type {any} */ request) => {
      if (new URL(request.url()).hostname !== "127.0.0.1") faults.push(`asks ${request.url()}`);
    });
    await page.goto(url);
    const run = await page.getAttribute(".runs tbody a", "href");
    for (const [name, path] of [
      ["list", "/"],
      ["progress", run],
      ["report", `${run}/report`],
    ]) {
      await page.goto(new URL(path, url).href);
      if (name === "progress") await page.waitForSelector("#trials tbody tr");
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      if (wide > width) faults.push(`${name} is ${wide} pixels wide in a window of ${width}`);
      await page.screenshot({ path: join(values.out, `${name}-${width}.png`), fullPage: true });
    }
  }
  await browser.close();
} finally {
  server.kill("SIGINT");
}
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? `all pages fit; screenshots in ${values.out}` : "");
process.exitCode = faults.length === 0 ? 0 : 1;
