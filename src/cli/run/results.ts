/** What a run came to, for the terminal: figures, conclusion, texts kept for reading. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Evaluation } from "../../analysis/evaluation.js";
import type { SampleText } from "../../report/report-data.js";
import { resultWords } from "../../report/result-text.js";
import { renderTable } from "../../report/table.js";
import { RecordError } from "../../system/record-error.js";
import { formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import type { Terminal } from "../terminal.js";

/** The table of results and the lines that conclude from it. */
export function resultText(evaluation: Evaluation, terminal: Terminal): string {
  const { columns: width, unicode, color } = terminal;
  const table = renderTable(evaluation, { width, unicode, color });
  return [table, "", ...resultWords(evaluation)].join("\n");
}

/** A text that an evaluation kept for reading. */
const sample = z.object({
  prompt: z.int(),
  text: z.string(),
  completion: z.string(),
  reward: z.number().nullable(),
});

/**
 * @param run the run folder
 * @param file relative to it, as the event of the evaluation names it
 */
export function readSamples(run: string, trial: string, file: string): SampleText[] {
  const path = join(run, file);
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line === "") return [];
    const result = sample.safeParse(parsed(line));
    if (!result.success) throw new RecordError("damaged", `${path}, line ${index + 1}: no sample`);
    return [{ trial, ...result.data }];
  });
}

/** For the terminal, shown on request only: texts may be offensive. */
export function sampleLines(samples: readonly SampleText[]): string {
  const trials = [...new Set(samples.map(({ trial }) => trial))];
  return trials
    .map((trial) => {
      const own = samples.filter((one) => one.trial === trial);
      const lines = own.map(
        ({ text, completion, reward }) =>
          `  ${formatNumber(reward, 2).padStart(6)}  ${safeText(text)} ▸ ${safeText(completion)}`,
      );
      return [`${trial}: reward, prompt ▸ completion`, ...lines].join("\n");
    })
    .join("\n\n");
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
