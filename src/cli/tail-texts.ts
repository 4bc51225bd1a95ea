/** The texts of a step's worst episodes, for the terminal; shown on request only. */
import { join } from "node:path";
import type { StepEvent } from "../experiment/events.js";
import { readEpisodes } from "../record/episodes-file.js";
import { checkedPath } from "../record/run-paths.js";
import { readTexts } from "../record/texts-file.js";
import { formatNumber } from "../report/number-format.js";
import { safeText } from "../report/safe-text.js";

/**
 * @param run the run folder
 * @returns empty: none were kept of that step
 * @throws {RecordError} the file of the step's episodes is missing or damaged
 */
export function tailTextLines(run: string, event: StepEvent): readonly string[] {
  const trial = event.trial!;
  const texts = readTexts(run, trial, event.step);
  if (texts.length === 0) {
    return [];
  }
  const { episodes } = event;
  const returns =
    "file" in episodes
      ? readEpisodes(join(run, checkedPath(episodes.file)), episodes.sha256).return
      : episodes.return;
  return [
    `${trial}, worst episodes of step ${event.step}: return, prompt ▸ completion`,
    ...texts.map(({ episode, prompt, completion }) => {
      const figure = formatNumber(returns[episode] ?? null, 2).padStart(6);
      return `  ${figure}  ${safeText(prompt)} ▸ ${safeText(completion)}`;
    }),
  ];
}
