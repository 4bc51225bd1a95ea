/**
 * docs/terminal.md: its keys are those of the program; with AVERSE_CAPTURES=1 its screens are taken
 * anew, from real runs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareKeys } from "../../src/tui/compare/compare-keys.js";
import { dashboardKeys } from "../../src/tui/dashboard/keys.js";
import { filterKeys, formKeys, listKeys } from "../../src/tui/launcher/key-tables.js";
import { type KeyTable, keyLabel } from "../../src/tui/terminal/key-table.js";
import { averse, buildProgramFirst, root, scratch } from "../cli/averse.js";
import { averseWindow, leaveNothingBehind, runsIn } from "./program.js";
import { keys, type TerminalWindow } from "./terminal-window.js";

const page = join(root, "docs", "terminal.md");
const capturing = process.env.AVERSE_CAPTURES !== undefined;

const tables: readonly (readonly [where: string, table: KeyTable])[] = [
  ["Dashboard", dashboardKeys],
  ["Launcher: experiments and runs", listKeys],
  ["Launcher: while a filter is typed", filterKeys],
  ["Launcher: a new run", formKeys],
  ["Comparison", compareKeys],
];

/** Between its mark and the next end. */
function withPart(text: string, mark: string, part: string): string {
  const from = text.indexOf(`<!-- ${mark} -->\n`);
  const to = text.indexOf("<!-- end -->", from);
  if (from < 0 || to < 0) throw new Error(`docs/terminal.md has no place for ${mark}`);
  return `${text.slice(0, from)}<!-- ${mark} -->\n${part}\n${text.slice(to)}`;
}

function keysText(): string {
  return tables
    .map(([where, table]) => {
      const rows = table.map((binding) => {
        const label = keyLabel(binding, true).replaceAll("|", "\\|");
        return `| \`${label}\` | ${binding.words.replaceAll("|", "\\|")} |`;
      });
      return [`**${where}**`, "", "| keys | do |", "|---|---|", ...rows].join("\n");
    })
    .join("\n\n");
}

test("docs/terminal.md has the keys of the program", () => {
  const text = readFileSync(page, "utf8");
  const current = withPart(text, "keys", keysText());
  if (capturing) writeFileSync(page, current);
  else expect(text).toBe(current);
});

test.skipIf(capturing)("docs/terminal.md has every screen", () => {
  const text = readFileSync(page, "utf8");
  const screens = [...text.matchAll(/<!-- screen:\S+ -->\n([\s\S]*?)\n<!-- end -->/g)];
  expect(screens.length).toBe(10);
  for (const [, screen = ""] of screens) expect(screen.split("\n").length).toBeGreaterThan(15);
});

if (capturing) {
  buildProgramFirst();
  leaveNothingBehind();

  test("screens are taken", { timeout: 240_000 }, async () => {
    const cwd = join(scratch, "captures");
    mkdirSync(cwd);
    const take = (name: string, { text }: Pick<TerminalWindow, "text">) => {
      // Whoever reads it must not see anything of the machine it was taken on.
      expect(text).not.toContain(scratch);
      expect(text).not.toContain(root);
      writeFileSync(
        page,
        withPart(readFileSync(page, "utf8"), `screen:${name}`, `\`\`\`text\n${text}\n\`\`\``),
      );
    };
    await averse(["run", "smoke", "--plain", "--set", "training.iterations=150"], { cwd });

    const launcher = averseWindow([], { cwd, columns: 120, rows: 24 });
    await launcher.shows("without models");
    await launcher.shows(/150\/150|done/);
    take("launcher", launcher);
    launcher.press("/without models\r");
    await launcher.hides("quickstart-seeds");
    launcher.press(keys.tab);
    launcher.press("gn");
    await launcher.shows("New run of smoke");
    launcher.resize(120, 40);
    const setting = async (name: string, value: string) => {
      while (!launcher.text.includes(`▸ ${name} `)) {
        const before = launcher.text;
        launcher.press(keys.up);
        await launcher.until((text) => text !== before, "the cursor one up");
      }
      launcher.press(`\u0015${value}`);
    };
    await setting("M", "2000");
    await launcher.shows("training.iterations=2000");
    await setting("n", "100");
    await launcher.shows("risk.warmup=100");
    await launcher.shows(/iteration/);
    take("form", launcher);
    launcher.press(`${keys.pageDown}${keys.enter}`);
    await launcher.shows("0 Trials");
    await launcher.shows(/rlhf-s0 +▶ running +[1-9]\d\d\//);
    take("overview", launcher);
    launcher.press("1");
    await launcher.shows("1 Risk");
    await launcher.shows(/iteration [4-9]\d\d\/2000/);
    launcher.press("p");
    await launcher.shows("paused");
    // The last trial, whatever is in view; the first key takes the notice away.
    launcher.press(keys.right);
    launcher.press(keys.right);
    await launcher.shows("paused  ra-rlhf seed 0");
    await launcher.hides("Pausing after");
    // The fan is read from the journal bit by bit, the newest steps first.
    await launcher.shows(/^ *\S*[│┤][░▒━•]{20}/m);
    take("dashboard-120x40", launcher);
    launcher.resize(80, 24);
    await launcher.shows("4 What if ─ 5 Events");
    take("dashboard-80x24", launcher);
    launcher.press("3f");
    await launcher.hides("1 Risk");
    await launcher.shows("texts masked");
    take("tail", launcher);
    launcher.press("fwf");
    await launcher.shows("▸4 What if");
    launcher.resize(100, 30);
    launcher.press(keys.left);
    await launcher.shows(/Weights/);
    launcher.press(keys.left);
    launcher.press(keys.left);
    await launcher.shows(/only run [1-9]\d* \(-\)/);
    take("what-if", launcher);
    launcher.press("f?");
    await launcher.shows("this help");
    launcher.resize(80, 24);
    await launcher.shows("this help");
    take("help", launcher);
    launcher.press("?");
    await launcher.hides("this help");
    launcher.press("xy");
    await launcher.shows("interrupted");
    launcher.press("q");
    await launcher.shows("EXPERIMENTS");
    launcher.press("q");
    await launcher.ended;

    const done = (await runsIn(cwd)).find(({ state }) => state === "done")!;
    const over = averseWindow(["attach", done.id], { cwd, columns: 100, rows: 30 });
    await over.shows(/^report /m);
    const results = over.text.replaceAll(cwd, "/home/me");
    take("results", { text: results });
    over.press("q");
    await over.ended;

    const comparing = averseWindow([], { cwd, columns: 110, rows: 30 });
    await comparing.shows(done.id);
    comparing.press(`/${done.id}\r`);
    await comparing.until((text) => text.includes(`▸   `) || text.includes(done.id), "the run");
    comparing.press(keys.tab);
    comparing.press("Gc");
    await comparing.shows("1 marked");
    comparing.press("c");
    await comparing.shows("COMPARISON");
    await comparing.hides("reading");
    take("comparison", comparing);
    comparing.press("q");
    await comparing.ended;
  });
}
