/** Short commands of a launcher's own, beside the one that a worker's life depends on. */
import { execa } from "execa";

/** A controller of a cluster that is busy answers late; nothing waits for it longer than this. */
const ANSWER_MS = 20_000;

export interface LauncherAnswer {
  /** Null: it could not be run, or took too long. */
  readonly code: number | null;
  /** First line of its standard output; of its stderr, where it failed. */
  readonly line: string;
}

export async function askLauncher(argv: readonly string[]): Promise<LauncherAnswer> {
  const [program, ...args] = argv;
  const outcome = await execa(program!, args, {
    stdin: "ignore",
    timeout: ANSWER_MS,
    reject: false,
    maxBuffer: 2 ** 16,
  });
  const { exitCode = null, stdout, stderr, shortMessage } = outcome;
  const text = exitCode === 0 ? stdout : stderr || (shortMessage ?? "");
  return { code: exitCode, line: text.trim().split("\n")[0]! };
}
