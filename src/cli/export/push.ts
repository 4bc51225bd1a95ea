/** A model pushed to the Hugging Face hub by the worker's Python, which has the hub's client and login. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { exitCode, UserError } from "../failure-text.js";
import { pythonAnswer } from "../machine/python-answer.js";
import { type Terminal, tellingWait } from "../terminal.js";
import { type CheckedModel, cardFile } from "./model-folder.js";

export interface PushPlace {
  /** `ORG/NAME`. */
  readonly repository: string;
  readonly private: boolean;
}

const answer = z.discriminatedUnion("state", [
  z.object({ state: z.literal("pushed"), url: z.string() }),
  z.object({ state: z.literal("failed"), why: z.string() }),
]);

/** Its bars are for terminals. */
const environment = { HF_HUB_DISABLE_PROGRESS_BARS: "1" };

/** Of large weights on a slow line. */
const timeoutMs = 24 * 3_600_000;

export function requireRepository(name: string): void {
  if (/^[\w.-]+\/[\w.-]+$/.test(name)) return;
  throw new UserError(`--push ${name}: expected ORG/NAME, a model's name on the Hugging Face hub.`);
}

/**
 * As one commit: whatever interrupts it, the repository is as it was. Files that have arrived are not
 * sent again by the next try.
 *
 * @returns the commit's address
 * @throws {UserError} the hub refuses, or cannot be reached
 */
export async function pushModel(
  { trial, folder, files }: CheckedModel,
  card: string,
  place: PushPlace,
  terminal: Pick<Terminal, "err" | "isTty">,
): Promise<string> {
  const request = {
    repository: place.repository,
    private: place.private,
    message: `${trial}, by averse export`,
    files: Object.fromEntries(
      Object.keys(files).map((name) => [name, resolve(join(folder, name))]),
    ),
    texts: { [cardFile]: card },
  };
  const told = await tellingWait(
    terminal,
    `pushing ${trial} to ${place.repository}`,
    pythonAnswer("averse_export.push", [], JSON.stringify(request), environment, timeoutMs),
  );
  const result =
    typeof told === "string" ? { state: "failed" as const, why: told } : answer.parse(told.json);
  if (result.state === "pushed") return result.url;
  throw new UserError(
    `${place.repository} is as it was, the push failed: ${result.why.replace(/[.\s]+$/, "")}. The same ` +
      "command tries again; files that have arrived are not sent twice.",
    exitCode.environment,
  );
}
